"""What a step takes of a device's memory, by the allocator's own record."""
