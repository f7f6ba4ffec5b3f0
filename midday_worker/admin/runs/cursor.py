"""`Cursor`: how far a choice of runs was looked through, as a text that whoever asks gives back."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias, cast

from midday_worker.admin.runs.scan_position import START, ScanPosition
from midday_worker.errors import InvalidInputError

_LARGEST: Final = 1_048_576

Spot: TypeAlias = tuple[str, str]
"""A queue's name, and a state."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far each state of each queue was looked through, and how many runs were looked at.

    >>> Cursor.parse(Cursor({("emails", "failed"): ScanPosition("7", "1.5", 3)}, scanned=4).text).scanned
    4
    """

    places: Mapping[Spot, ScanPosition] = field(default_factory=lambda: {})
    scanned: int = 0

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Return the cursor of a text; the start for None. Raises InvalidInputError."""
        if not text:
            return cls()
        try:
            packed = base64.urlsafe_b64decode(text)
            scanned, places = cast(
                "tuple[object, object]", json.loads(zlib.decompressobj().decompress(packed, _LARGEST))
            )
            if not isinstance(scanned, int) or scanned < 0 or not isinstance(places, list):
                raise ValueError("another shape")
            return cls(dict(map(_place, cast("list[object]", places))), scanned)
        except (ValueError, TypeError, RecursionError, binascii.Error, zlib.error) as error:
            raise InvalidInputError("The cursor is none of those that came with an answer.") from error

    @property
    def text(self) -> str:
        """The cursor as a text, fit for an address."""
        value = [self.scanned, [[*spot, *place.stored] for spot, place in self.places.items()]]
        return base64.urlsafe_b64encode(zlib.compress(json.dumps(value, separators=(",", ":")).encode())).decode()

    def place(self, spot: Spot) -> ScanPosition:
        """Return how far a state of a queue was looked through."""
        return self.places.get(spot, START)


def _place(stored: object) -> tuple[Spot, ScanPosition]:
    queue, state, *place = cast("list[object]", stored)
    if not isinstance(queue, str) or not isinstance(state, str):
        raise ValueError("this is no place")
    return (queue, state), ScanPosition.of(place)
