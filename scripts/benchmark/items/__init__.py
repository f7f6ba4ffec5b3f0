"""The items of work, W1 to W9, each with its cases; a case measures one contender once."""
