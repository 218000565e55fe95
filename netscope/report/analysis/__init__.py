"""From what a trace recorded to a report."""
