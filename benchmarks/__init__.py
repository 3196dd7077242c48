"""What is measured, runnable by one command each."""
