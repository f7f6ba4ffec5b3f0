"""The commands, one a module, or a group of them. Each is imported when it is called."""
