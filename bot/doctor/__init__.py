"""Looks whether an installation is well: what is configured, reachable, stale, too open. Changes nothing."""
