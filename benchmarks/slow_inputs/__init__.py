"""A search for messages that are slow to answer: whoever sends them could hold the server."""
