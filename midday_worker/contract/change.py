"""`Change`: one difference between the code and a contract, whether it breaks something, and what makes it safe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pydantic import JsonValue

from midday_worker.contract.refusal import Refusal

Side: TypeAlias = Literal["job", "payload", "result"]

NO_SAMPLE: Final = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        job: the job's name.
        side: of what: the job as a whole, its payload, or its result.
        path: the property, as `items[].price`; empty for the whole.
        rule: what kind of change it is.
        breaking: whether it breaks a program that goes by the contract, or a job in flight; also if it only can't be
            proved that it doesn't.
        text: what has changed, and what comes of it.
        advice: what makes it safe, where it isn't.
        sample: a value that the contract allows and the code refuses, or the other way round for what the code writes;
            `NO_SAMPLE` where none was found.
    """

    job: str
    side: Side
    path: str
    rule: str
    breaking: bool
    text: str
    advice: str = ""
    sample: JsonValue | object = NO_SAMPLE


@dataclass(frozen=True, slots=True)
class Named:
    """A kind of change: its name, and what makes it safe."""

    rule: str
    advice: str


# What the code reads: others wrote it, by the contract. {path} is the property.
_READ: Final[dict[str, Named]] = {
    "added": Named("added without a default", "Give it a default."),
    "missing": Named("no longer optional", "Leave it its default."),
    "alias": Named("alias removed", "Keep it until nobody writes it by this name."),
    "unknown": Named("unknown properties refused", 'Don\'t set extra="forbid", or keep the property.'),
    "null": Named("null refused", "Accept None too: `T | None`."),
    "type": Named(
        "type changed", "Accept the old type too: `Old | New`; or add a property of another name, with a default."
    ),
    "values": Named("values removed", "Keep them, and have the handler treat them as it likes."),
    "range": Named("narrowed", "Keep the wider bounds, and have the handler treat what is outside."),
    "pattern": Named("pattern changed", "Drop the pattern from the schema, and check it where it matters."),
    "format": Named("format changed", "Accept the old form too: `Old | New`."),
    "unproved": Named(
        "can't be proved", "Keep it as it was, or accept the change with a reason if you know that it is safe."
    ),
}
# What the code writes: others read it, by the contract.
_WRITTEN: Final[dict[str, Named]] = {
    "added": Named("removed", "Keep writing it until nobody reads it."),
    "alias": Named("alias added", "Write it by the name that its readers know."),
    "missing": Named("now optional", "Write it always, with a value that its readers know."),
    "unknown": Named("added where none may be", "Have the readers accept unknown properties first."),
    "null": Named("null written", "Write a value of the old type, or leave the readers a release to accept null."),
    "type": Named("type changed", "Write a property of another name beside the old one."),
    "values": Named("values added", "Have the readers accept them first."),
    "range": Named("widened", "Have the readers accept the wider range first."),
    "pattern": Named("pattern changed", "Keep what is written as the old pattern says."),
    "format": Named("format changed", "Write the new form as a property of another name."),
    "unproved": Named(
        "can't be proved", "Keep it as it was, or accept the change with a reason if you know that it is safe."
    ),
}


def named(found: Refusal, *, reads: bool, both_have_it: bool) -> Named:
    """Return the kind of change that a refusal comes of."""
    kinds = _READ if reads else _WRITTEN
    return kinds["added" if found.rule == "missing" and not both_have_it else found.rule]


def in_words(found: Refusal, *, reads: bool) -> str:
    """Return in words what was, and what is now."""
    if reads:
        return f"written: {found.written}; accepted now: {found.accepted}"
    return f"written now: {found.written}; accepted: {found.accepted}"


def shown(path: tuple[str, ...]) -> str:
    """Return a path as people write it.

    >>> shown(("items", "[]", "price"))
    'items[].price'
    """
    return "".join(step if step.startswith("[") or not at else f".{step}" for at, step in enumerate(path))
