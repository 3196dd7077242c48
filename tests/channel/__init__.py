"""Tests of the support page's channel."""
