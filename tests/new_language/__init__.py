"""A language that the bot knows from its article tree alone."""
