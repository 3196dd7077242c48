"""Compares our intent classifier with DIET and another stock Rasa pipeline on public data sets."""
