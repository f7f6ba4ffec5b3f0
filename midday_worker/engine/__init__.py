"""The only package that imports bullmq and redis: what the others need of them, typed and with its faults cured."""
