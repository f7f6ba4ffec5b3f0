"""The job, and the attempt under way."""
