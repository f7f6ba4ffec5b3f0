"""The way of each arrow between the boxes: down through free columns and gutters, across between the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scripts.drawing.plan import COLUMNS, Room

BOX_WIDTH: Final = 214
BOX_HEIGHT: Final = 46
GUTTER: Final = 34
CHANNEL: Final = 40
MARGIN: Final = 40
_TRACK: Final = 6
"""How far lines that lead to different rooms are apart."""
_PORT: Final = 20


def left_of(room: Room) -> int:
    """Return where a room's box begins."""
    return MARGIN + room.column * (BOX_WIDTH + GUTTER)


def top_of(room: Room) -> int:
    """Return where a room's box begins, from above."""
    return MARGIN + room.row * (BOX_HEIGHT + CHANNEL)


def middle_of(room: Room) -> int:
    """Return the middle of a room's box, from the left."""
    return left_of(room) + BOX_WIDTH // 2


@dataclass(slots=True)
class Router:
    """Finds the arrows' ways. Those that lead to one room share a line as soon as they can."""

    plan: Mapping[str, Room]
    _channels: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    _gutters: dict[int, list[str]] = field(default_factory=dict[int, list[str]])

    def way(self, source: Room, target: Room) -> list[tuple[int, int]]:
        """Return the corners of an arrow's way, from the source's lower edge to the target's upper one."""
        start, end = self._port(source, target), middle_of(target)
        bottom, top = top_of(source) + BOX_HEIGHT, top_of(target)
        if start == end and self._is_free(start, source, target):
            return [(start, bottom), (end, top)]
        first, last = self._level(source.row, target), self._level(target.row - 1, target)
        if target.row == source.row + 1 or self._is_free(end, source, target):
            return [(start, bottom), (start, first), (end, first), (end, top)]
        down = self._gutter(source, target)
        return [(start, bottom), (start, first), (down, first), (down, last), (end, last), (end, top)]

    def _is_free(self, x: int, source: Room, target: Room) -> bool:
        between = [room for room in self.plan.values() if source.row < room.row < target.row]
        return not any(left_of(room) <= x <= left_of(room) + BOX_WIDTH for room in between)

    def _port(self, source: Room, target: Room) -> int:
        """Return where an arrow leaves its box: the further to the left it leads, the further to the left."""
        targets = sorted((self.plan[name] for name in source.imports), key=lambda room: (room.column, -room.row))
        straight = [room for room in targets if room.column == source.column and self._is_free_below(source, room)]
        if straight and straight[0] is target:
            return middle_of(source)
        before = targets.index(straight[0]) if straight else len(targets) / 2 - 0.5
        return middle_of(source) + round((targets.index(target) - before) * _PORT)

    def _is_free_below(self, source: Room, target: Room) -> bool:
        return self._is_free(middle_of(source), source, target)

    def _level(self, row: int, target: Room) -> int:
        """Return how far down the line to a target runs across, below a row."""
        track = _track(self._channels.setdefault(row, []), target.name)
        return MARGIN + row * (BOX_HEIGHT + CHANNEL) + BOX_HEIGHT + 10 + track * _TRACK

    def _gutter(self, source: Room, target: Room) -> int:
        """Return where the line to a target runs down beside the boxes: in the gutter nearest to the target."""
        column = target.column if source.column < target.column else target.column + 1
        column = min(max(column, 0), COLUMNS)
        track = _track(self._gutters.setdefault(column, []), target.name)
        return MARGIN + column * (BOX_WIDTH + GUTTER) - GUTTER + 11 + track * _TRACK


def _track(tracks: list[str], target: str) -> int:
    if target not in tracks:
        tracks.append(target)
    return tracks.index(target)
