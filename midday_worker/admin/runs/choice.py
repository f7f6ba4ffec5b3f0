"""Which runs are meant: by queue, state, job, tag and text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self, cast

from midday_worker.admin.runs.run import Run, texts_of
from midday_worker.admin.snapshot import Cut
from midday_worker.errors import InvalidInputError

STATES: Final = ("active", "waiting", "prioritized", "delayed", "waiting-children", "paused", "failed", "completed")
"""The states that are looked through, as BullMQ names them."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A field of the payload, by its name on the wire, and its value as text.

    >>> Tag.parse("teamId=5")
    Tag(name='teamId', value='5')
    """

    name: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the tag of "teamId=5" or, for a field within another one, "team.id=5". Raises InvalidInputError."""
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InvalidInputError(f"{text!r} is no tag; accepted: a payload's field and its value, like teamId=5.")
        return cls(name.strip(), value.strip())

    def is_of(self, data: object) -> bool:
        """Return whether a payload has the field, with the value; of a list, any of its items may be it."""
        fields = _fields(data)
        if self.name in fields:
            return self.value in texts_of(fields[self.name])
        *above, last = self.name.split(".")
        for part in above:
            fields = _fields(fields.get(part))
        return last in fields and self.value in texts_of(fields[last])


def _fields(data: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", data) if isinstance(data, Mapping) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChoice:
    """Which runs are meant; what is empty means all.

    Attributes:
        queues: their queues.
        states: their states.
        jobs: their jobs' names.
        tags: fields of their payloads, all of which they must have.
        text: what their id, name, payload or failure must hold, whatever its case.
        until_ms: when they must have come into their state at the latest, in epoch milliseconds.
    """

    queues: tuple[str, ...]
    states: tuple[str, ...] = STATES
    jobs: frozenset[str] = frozenset()
    tags: tuple[Tag, ...] = ()
    text: str = ""
    until_ms: int | None = None
    _folded: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "_folded", self.text.casefold())

    @property
    def by_place_alone(self) -> bool:
        """Whether no run need be read to know whether it is meant."""
        return not (self.jobs or self.searches)

    @property
    def searches(self) -> bool:
        """Whether payloads are looked into."""
        return bool(self.tags or self._folded)

    def may_mean(self, run: Run) -> bool:
        """Return whether a run is meant as far as its name and its time tell."""
        if self.until_ms is not None and run.at_ms > self.until_ms:
            return False
        return not self.jobs or run.name in self.jobs

    def finds(self, shown: Run) -> bool:
        """Return whether a run, as it is shown, has the tags and the text."""
        if not all(tag.is_of(shown.data) for tag in self.tags):
            return False
        if not self._folded:
            return True
        return any(self._folded in text.casefold() for text in _texts(shown))

    def cannot_search(self, run: Run) -> bool:
        """Return whether a run holds what is searched, but can't be: it is too large, or can't be read."""
        return self.searches and (isinstance(run.data, Cut) or isinstance(run.reason, Cut) or not run.readable)


def _texts(shown: Run) -> tuple[str, ...]:
    reason = shown.reason if isinstance(shown.reason, str) else ""
    return shown.id, shown.name, reason, "" if isinstance(shown.data, Cut) else _written(shown.data)


def _written(data: object) -> str:
    if data is None:
        return ""
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    except (ValueError, TypeError, RecursionError):
        return ""
