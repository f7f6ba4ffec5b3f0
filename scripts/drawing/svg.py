"""The picture as SVG, for a light and a dark page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from scripts.drawing.arrow import BOX_HEIGHT, BOX_WIDTH, GUTTER, MARGIN, Router, left_of, middle_of, top_of
from scripts.drawing.imports import ROOT
from scripts.drawing.plan import COLUMNS, Room, read_plan

IMAGES: Final = ROOT / "docs" / "images"
_RADIUS: Final = 6
_AROUND: Final = 14
_STYLE: Final = """
    .page { fill: #ffffff } .engine { fill: #f3f6fb; stroke: #b6c4da; stroke-dasharray: 5 4 }
    .box { fill: #ffffff; stroke: #57606a } .name { fill: #1f2328; font: 600 14px ui-monospace, monospace }
    .purpose, .caption { fill: #57606a; font: 11px system-ui, sans-serif } .caption { font-weight: 600 }
    .arrow { fill: none; stroke: #6e7f96; stroke-width: 1.4 } .head { fill: #6e7f96 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 } .engine { fill: #131b26; stroke: #33455e }
      .box { fill: #161b22; stroke: #8b949e } .name { fill: #e6edf3 } .purpose, .caption { fill: #9da7b3 }
      .arrow { stroke: #7d93b2 } .head { fill: #7d93b2 }
    }
"""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture: its file's name, what it shows, and the boxes with a frame around them, by how their names begin."""

    name: str
    label: str
    framed: str
    caption: tuple[str, str]

    @property
    def path(self) -> Path:
        """Where it is."""
        return IMAGES / f"{self.name}.svg"

    def plan(self) -> dict[str, Room]:
        """Return what is to be drawn."""
        return read_plan(IMAGES / f"{self.name}.toml")


ARCHITECTURE: Final = Drawing(
    "architecture",
    "The rooms of midday_worker, and what each imports",
    "engine.",
    ("engine: nothing else", "imports bullmq or redis"),
)
PORT: Final = Drawing(
    "port", "What is BullMQ's port, and what is the engine's", "bullmq.", ("BullMQ's port,", "as it is installed")
)


def picture(plan: Mapping[str, Room], drawing: Drawing = ARCHITECTURE) -> str:
    """Return the picture of a plan."""
    rooms = list(plan.values())
    width = 2 * MARGIN + COLUMNS * BOX_WIDTH + (COLUMNS - 1) * GUTTER
    height = max(map(top_of, rooms)) + BOX_HEIGHT + MARGIN
    router = Router(plan)
    ways = [router.way(room, plan[name]) for room in rooms for name in room.imports]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{drawing.label}">',
        f"  <style>{_STYLE}  </style>",
        '  <defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0 L8 4 L0 8 z"/></marker></defs>',
        f'  <rect class="page" width="{width}" height="{height}"/>',
        *_frame([room for room in rooms if room.name.startswith(drawing.framed)], drawing.caption),
        *(f'  <path class="arrow" marker-end="url(#head)" d="{_path(way)}"/>' for way in ways),
        *(line for room in rooms for line in _box(room)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame(rooms: Iterable[Room], caption: tuple[str, str]) -> list[str]:
    corners = [(left_of(room), top_of(room)) for room in rooms]
    left, top = min(x for x, _ in corners) - _AROUND, min(y for _, y in corners) - _AROUND
    width = max(x for x, _ in corners) + BOX_WIDTH + _AROUND - left
    height = max(y for _, y in corners) + BOX_HEIGHT + _AROUND - top
    # The caption is where it has room: beside the rooms that have their row alone.
    x, y = left + 2 * _AROUND, top + height - 3 * BOX_HEIGHT - 16 * len(caption)
    return [
        f'  <rect class="engine" x="{left}" y="{top}" width="{width}" height="{height}" rx="12"/>',
        *(
            f'  <text class="caption" x="{x}" y="{y + 16 * line}">{text}</text>'
            for line, text in enumerate(caption, start=1)
        ),
    ]


def _box(room: Room) -> list[str]:
    x, y, middle = left_of(room), top_of(room), middle_of(room)
    return [
        f'  <rect class="box" x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>',
        f'  <text class="name" x="{middle}" y="{y + 20}" text-anchor="middle">{escape(room.name)}</text>',
        f'  <text class="purpose" x="{middle}" y="{y + 37}" text-anchor="middle">{escape(room.purpose)}</text>',
    ]


def _path(way: list[tuple[int, int]]) -> str:
    """Return a line through corners, which it rounds."""
    parts = [f"M{way[0][0]} {way[0][1]}"]
    for before, (x, y), after in zip(way, way[1:], way[2:], strict=False):
        from_x, from_y = _towards((x, y), before)
        to_x, to_y = _towards((x, y), after)
        parts.append(f"L{from_x} {from_y} Q{x} {y} {to_x} {to_y}")
    return " ".join([*parts, f"L{way[-1][0]} {way[-1][1]}"])


def _towards(corner: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """Return the point where the rounding of a corner begins, on its way to another one."""
    x, y = corner
    reach_x = min(_RADIUS, abs(other[0] - x) // 2) * (1 if other[0] > x else -1)
    reach_y = min(_RADIUS, abs(other[1] - y) // 2) * (1 if other[1] > y else -1)
    return x + reach_x, y + reach_y
