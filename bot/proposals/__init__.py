"""Drafts of new issues from questions that nothing answered: gather, cluster, search, write files for a person."""


class ProposalError(ValueError):
    """Questions cannot be read, or drafts cannot be written; the message says where, what is wrong and what to do."""
