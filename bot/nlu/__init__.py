"""Rasa components of the NLU pipeline, one class a file; the models that they wrap are in `models`."""
