"""The agents' desk: an inbox of tickets and waiting conversations, in a process of its own, without rasa."""
