"""What the doctor found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Grade: TypeAlias = Literal["ok", "note", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what kind of thing: "eviction policy", "clock", "stuck jobs".
        grade: "ok"; "note" if it is only to be known; "warn" if it may go wrong; "fail" if it is wrong.
        text: what was found.
        fix: what to do about it; empty if nothing.
        queue: the queue that it is about, if it is about one.
    """

    check: str
    grade: Grade
    text: str
    fix: str = ""
    queue: str | None = None
