"""What the commands share: options, where data goes, progress, spelling."""
