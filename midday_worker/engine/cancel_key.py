"""The key that says that a running job is cancelled, and why. Node's workers may look at it too."""

from __future__ import annotations


def cancel_key(prefix: str, job_id: str) -> str:
    """Return a job's key; `prefix` is its queue's, with the colon at its end."""
    return f"{prefix}{job_id}:cancel"
