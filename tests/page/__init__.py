"""Tests of the support page, in a real browser against a really running bot."""
