"""Building networks on the meta device, where a parameter has a shape and no memory."""
