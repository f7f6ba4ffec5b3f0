"""One small program for each contender: it works a queue, or adds jobs to one, as the benchmark tells it to."""
