"""How many bytes a network takes, and when."""
