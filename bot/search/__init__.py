"""The article database of whole help-article trees, and the search in it for what no issue covers."""


class LibraryError(RuntimeError):
    """The article database, or what was to be imported, cannot be used; the message says why and what to do."""
