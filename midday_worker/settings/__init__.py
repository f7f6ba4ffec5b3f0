"""Settings: what the environment says, how its values are read, and what every room needs to read them."""
