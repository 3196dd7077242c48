"""Long messages, second issues and questions which of two is meant: measured, and their thresholds computed."""
