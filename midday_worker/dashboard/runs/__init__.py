"""A page of our own beside bull-board's: the runs of all queues in one list, acts on many of them, and a live tail."""
