"""Measures understanding on messages that real people wrote, beside a plain scikit-learn classifier."""
