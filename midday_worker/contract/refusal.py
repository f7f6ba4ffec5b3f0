"""`Refusal`: why a value that one side may write is not accepted by the other, or can't be proved to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Rule: TypeAlias = Literal[
    "missing", "alias", "unknown", "null", "type", "values", "range", "pattern", "format", "unproved"
]
"""What is wrong: a required property isn't written, or may be by a name that isn't read; one is written that is not
accepted; null is; a value is of another type, not listed, out of range, of another pattern or format; or acceptance
can't be proved.
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is refused: where, by which rule, what is written there, and what is accepted."""

    path: tuple[str, ...]
    rule: Rule
    written: str
    accepted: str


def refusal(rule: Rule, written: str, accepted: str) -> Refusal:
    """Return a refusal of the whole of what is compared."""
    return Refusal((), rule, written, accepted)


def below(step: str, found: Iterable[Refusal]) -> Iterator[Refusal]:
    """Yield refusals of a part as such of the whole."""
    for each in found:
        yield replace(each, path=(step, *each.path))
