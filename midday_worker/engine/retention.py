"""A job's retention as BullMQ's scripts read it."""

from __future__ import annotations

from typing import cast


def keep_jobs(keep: object) -> object:
    """Return a retention as the scripts read it: -1 keeps all, 0 none."""
    if isinstance(keep, dict):
        return cast("dict[str, object]", keep)
    if isinstance(keep, int) and not isinstance(keep, bool):
        return {"count": keep}
    return {"count": 0 if keep else -1}
