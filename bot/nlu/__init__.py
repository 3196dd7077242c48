"""The pipeline's own Rasa components, one class a file: language, tokenizer, encoder, classifier, entities."""
