"""The items of work, W1 to W8, each with its cases; a case measures one contender once."""
