"""What is shown of jobs, queues and flows: the JSON that the page understands."""
