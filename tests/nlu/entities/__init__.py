"""Annotated phrases for the entity extractor, and how they are scored."""
