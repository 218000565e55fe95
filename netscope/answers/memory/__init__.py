"""What a network takes of a device's memory."""
