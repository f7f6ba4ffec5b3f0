"""What the commands for acting on queues do; imported when one of them runs."""
