"""What no issue covers: how much of what is about the products is offered documents, and how much else by mistake."""
