"""Training phrases and candidates for them: anonymous messages, their order and groups, decisions, files."""
