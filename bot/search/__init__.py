"""The article database of whole help-article trees, and the search in it for what no issue covers."""
