"""The command that examines an installation."""
