"""The plan of the house: its rooms, where they stand, what they are for, and their arrows."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NotRequired, TypedDict, cast

from scripts.drawing.imports import ROOT, Graph

SOURCE: Final = ROOT / "docs" / "images" / "architecture.toml"
COLUMNS: Final = 5
LONGEST_PURPOSE: Final = 36
"""What fits into a box, in characters."""


@dataclass(frozen=True, slots=True)
class Room:
    """One room: a package or module at the top of midday_worker, or a package of the engine."""

    name: str
    row: int
    column: int
    purpose: str
    imports: tuple[str, ...]


class _Entry(TypedDict):
    column: int
    purpose: str
    imports: NotRequired[list[str]]


def read_plan(source: Path = SOURCE) -> dict[str, Room]:
    """Return the rooms by name, from the top down."""
    rows = cast("list[Mapping[str, _Entry]]", tomllib.loads(source.read_text("utf-8"))["row"])
    rooms: dict[str, Room] = {}
    for row, entries in enumerate(rows):
        for name, entry in entries.items():
            imports = tuple(entry.get("imports", ()))
            rooms[name] = Room(name, row, entry["column"], entry["purpose"], imports)
    return rooms


def arrows(plan: Mapping[str, Room]) -> Graph:
    """Return the arrows of the plan by room."""
    return {name: frozenset(room.imports) for name, room in plan.items()}
