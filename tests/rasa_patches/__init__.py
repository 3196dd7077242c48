"""What replaces parts of Rasa returns what Rasa's own does."""
