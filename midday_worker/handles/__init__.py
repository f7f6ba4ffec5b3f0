"""Handles: what a trigger returns, to act on a job, follow it and wait for its result."""
