"""What a network is and what it costs: the values that every answer is made from."""
