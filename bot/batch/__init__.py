"""Triage of whole files: read, understood in batches on all cores or a cluster, written in the order of the input."""
