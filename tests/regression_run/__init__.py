"""The nightly regression run, tried on a small project that is really damaged."""
