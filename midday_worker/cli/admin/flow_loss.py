"""What flows lose with jobs that are removed, in words."""

from __future__ import annotations

from midday_worker.admin import WaitingParents
from midday_worker.cli.admin.act_options import counted


def flow_loss(parents: WaitingParents, *, done: bool = False) -> str:
    """Return what becomes of the parents that wait for the jobs, to be added to what is done to those.

    >>> parents = WaitingParents(released={"reports": 2}, removed=1, looked_at=5, whole=True)
    >>> flow_loss(parents)
    '; 2 parents of queue reports would run without them and 1 parent of this queue would be removed with them'
    >>> flow_loss(parents, done=True)
    '; 2 parents of queue reports run without them and 1 parent of this queue was removed with them'
    """
    found: list[str] = []
    least, released, removed = "" if parents.whole else "at least ", sum(parents.released.values()), parents.removed
    if released:
        run = _verb(released, "runs", "run") if done else "would run"
        found.append(f"{least}{counted(released, 'parent')} {_where(parents)} {run} without them")
    if removed:
        were = _verb(removed, "was", "were") if done else "would be"
        found.append(f"{least}{counted(removed, 'parent')} of this queue {were} removed with them")
    looked_at = "" if parents.whole else f" (of the jobs {parents.looked_at:,} were looked at)"
    if not found:
        return f"; no parent waits for the {parents.looked_at:,} of them that were looked at" if looked_at else ""
    return f"; {' and '.join(found)}{looked_at}"


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _where(parents: WaitingParents) -> str:
    if len(parents.released) == 1:
        return f"of queue {next(iter(parents.released))}"
    return f"({', '.join(f'{name}: {count:,}' for name, count in sorted(parents.released.items()))})"
