"""Times as values: what was measured, without what measured it."""
