"""What of a payload may be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from loguru import logger

from midday_worker.admin import Cut

NOT_SHOWN: Final = "midday_worker: not shown"
"""The one key of what stands for a value that isn't shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that is about to be shown.

    Attributes:
        value: as it is stored.
        field: what it is of its job; "failure" is a failed reason or a stack trace, "log" a line.
        queue: the job's queue.
        job: the job's name.
    """

    value: object
    field: Literal["data", "result", "progress", "failure", "log"]
    queue: str
    job: str


Redact: TypeAlias = Callable[[Shown], object]
"""Returns what is shown instead: the value itself, or what is left of it."""


class Redaction:
    """Puts every value through the hook, if there is one."""

    def __init__(self, redact: Redact | None = None) -> None:
        self._redact = redact

    def value(self, shown: Shown) -> object:
        """Return what is shown of a value. If the hook raises, nothing is."""
        if isinstance(shown.value, Cut):
            return {NOT_SHOWN: f"it has {shown.value.size:,} bytes"}
        if self._redact is None:
            return shown.value
        try:
            return self._redact(shown)
        except Exception as error:  # it is the user's own; what it was to hide must not be shown
            logger.error("the dashboard's redact raised {kind}: the value isn't shown", kind=type(error).__name__)
            return {NOT_SHOWN: "redact raised an error"}

    def text(self, shown: Shown) -> str:
        """Return what is shown of a text."""
        value = self.value(shown)
        return value if isinstance(value, str) else str(value)

    def hides(self, shown: Shown) -> bool:
        """Return whether less is shown of a value than there is."""
        return self.value(shown) != shown.value


def key_shown(redaction: Redaction, waits_for: str | None, queue: str, job: str) -> str | None:
    """Return what is shown of the key that a job waits for, a part of its payload: the path alone if that is hidden."""
    if waits_for is None:
        return None
    path, _, key = waits_for.partition("=")
    value: object = key
    for name in reversed(path.split(".")):
        value = {name: value}
    return path if redaction.hides(Shown(value, "data", queue, job)) else waits_for


def stands_for_hidden(value: object) -> bool:
    """Return whether a value is what was shown in the place of another one."""
    if isinstance(value, dict):
        members = cast("dict[object, object]", value)
        return NOT_SHOWN in members or any(map(stands_for_hidden, members.values()))
    return isinstance(value, list) and any(map(stands_for_hidden, cast("list[object]", value)))
