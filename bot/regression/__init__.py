"""The nightly regression run: measure -> compare -> report."""
