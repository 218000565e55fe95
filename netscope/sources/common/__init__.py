"""What all sources share: the forms of names, blueprints, building, example inputs, options and wording."""
