"""The HTTP side of a worker: health, readiness, information and metrics. Needs the extra `http`."""
