"""What is wrong with what a caller passed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from midday_worker.errors.root import MiddayWorkerError


class InvalidInputError(MiddayWorkerError, ValueError):
    """What the caller passed is wrong. Nothing was written to Redis."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong with a payload: where, what, and the offending value, which no text shows by itself."""

    path: str
    message: str
    value: object = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class PayloadError(InvalidInputError):
    """A payload doesn't match its job's schema, or can't travel.

    `problems` names each field by its path and holds its value. The message holds no values: it may go to a log, and
    payloads may hold personal data; `with_values()` is for whoever passed the payload.
    """

    def __init__(self, job: str, problems: Iterable[FieldProblem], where: str = "payload") -> None:
        self.job = job
        self.problems = tuple(problems)
        listed = "; ".join(map(str, self.problems))
        super().__init__(f"Invalid {where} for job {job!r}: {listed}")

    def with_values(self) -> str:
        """Return the message with the offending values, where they are plain and short."""
        shown = [
            f"{problem} (got {problem.value!r})" if _is_plain(problem.value) else str(problem)
            for problem in self.problems
        ]
        return f"{str(self).partition(': ')[0]}: {'; '.join(shown)}"


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and len(repr(value)) <= 60


class OptionError(InvalidInputError):
    """An option is misspelt, of the wrong type, or out of range."""

    def __init__(self, option: str, message: str) -> None:
        self.option = option
        super().__init__(message)


class DurationError(InvalidInputError):
    """A duration isn't a number of milliseconds, a text such as "30s", or a timedelta."""


class ScheduleError(InvalidInputError):
    """A cron pattern, a time zone, or the bounds of a schedule are wrong."""

    def __init__(self, message: str, *, pattern: str | None = None, tz: str | None = None) -> None:
        self.pattern = pattern
        self.tz = tz
        super().__init__(message)


class FlowError(InvalidInputError):
    """A flow's tree is of the wrong shape."""
