"""What every floor stands on: errors, units, specs, and the words for them."""
