"""Help articles: the `Article`, readers for every dialect, the store, and what answers take from an article."""
