"""Delivers tickets to help desks: the outbox, its worker, one class for each kind of help desk."""
