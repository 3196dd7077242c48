"""What becomes of tickets while help desks, workers and the bot fail: real servers, real processes, a table."""
