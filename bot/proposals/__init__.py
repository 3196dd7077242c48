"""Drafts of new issues from questions that nothing answered: gather, cluster, search, write files for a person."""
