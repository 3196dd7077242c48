"""How often the search finds the right article, and how fast, beside other engines."""
