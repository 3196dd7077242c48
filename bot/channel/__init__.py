"""The support page: its channel in Rasa's server, session tokens, limits, buttons and texts."""
