"""The models behind the NLU components, usable without Rasa."""
