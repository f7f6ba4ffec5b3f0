"""Tables, and what else is written to a terminal with rich."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from midday_worker.cli.printable import one_line

Cell: TypeAlias = str | Text


def as_json(value: object) -> str:
    """Return a value as indented JSON; what JSON has no form for, as its text."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Return an empty table; the columns named in `right` hold numbers."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", collapse_padding=True)
    for column in columns:
        # A number in two lines would be read as two.
        number_ = column in right
        made.add_column(column, justify="right" if number_ else "left", overflow="fold", no_wrap=number_)
    return made


def add_row(to: Table, *cells: Cell) -> None:
    """Add a row. Plain texts are no markup of rich's, and no commands of the terminal's."""
    to.add_row(*(cell if isinstance(cell, Text) else Text(one_line(cell)) for cell in cells))


def write(*parts: Table | Text | str) -> None:
    """Write tables and texts to standard output, as wide as the terminal is."""
    console = Console(highlight=False)
    for part in parts:
        console.print(Text(part) if isinstance(part, str) else part)


def number(count: int, style: str = "") -> Text:
    """Return a count for a table: a dim one if it is none, else in its own style."""
    return Text(f"{count:,}", style=style if count else "dim")
