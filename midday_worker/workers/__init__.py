"""The long-running process: one engine worker per queue, start-up, signals and drain."""
