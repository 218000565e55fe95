"""Pictures: where the parts of a network stand, and what a format draws of them."""
