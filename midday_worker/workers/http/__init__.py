"""The HTTP side of a worker: health, readiness and information. Needs the extra `http`."""
