"""Personal data: what is kept of a person, and for how long."""
