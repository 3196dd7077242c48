"""Shared text handling: masking, folding, cleaning, cells of CSV files."""
