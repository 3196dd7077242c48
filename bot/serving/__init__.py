"""What Rasa's server needs to be one of many: stores named in endpoints.yml, health, metrics, logs."""
