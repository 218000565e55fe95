"""How much memory a network takes, and what of."""
