"""Following: waiting for the ends of jobs."""
