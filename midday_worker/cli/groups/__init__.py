"""The commands for acting on queues, as they are typed. What they do is in `cli/admin`, imported when they run."""
