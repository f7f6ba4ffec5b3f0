"""Tables, and what else is written to a terminal with rich."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, TypeAlias

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from midday_worker.cli.console import OutputConsole
from midday_worker.settings.printable import one_line

Cell: TypeAlias = str | Text

_FOLDED: Final = 14
"""Text in a narrower column is hard to read."""


def as_json(value: object) -> str:
    """Return a value as indented JSON; what JSON has no form for, as its text."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def table(*columns: str, right: Sequence[str] = (), gap: int = 2) -> Table:
    """Return an empty table; the columns named in `right` hold numbers, and `gap` is between two."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", collapse_padding=True)
    made.padding = (0, gap - 1)
    for column in columns:
        # A number in two lines would be read as two.
        number_ = column in right
        made.add_column(column, justify="right" if number_ else "left", overflow="fold", no_wrap=number_)
    return made


def add_row(to: Table, *cells: Cell) -> None:
    """Add a row. Plain texts are no markup of rich's, and no commands of the terminal's."""
    to.add_row(*(_in_one_line(cell) if isinstance(cell, Text) else Text(one_line(cell)) for cell in cells))


def _in_one_line(cell: Text) -> Text:
    text = one_line(cell.plain)
    return cell if text == cell.plain else Text(text, cell.style)  # a column is as wide as what is shown


def write(*parts: Table | Text | str) -> None:
    """Write tables and texts to standard output: fitted to a terminal, else with each row and text in one line.

    Raises:
        OutputError: it can't be written.
    """
    console = OutputConsole()
    for part in parts:
        console.print(Text(part) if isinstance(part, str) else fitted(part, console.width))


def fitted(part: Table | Text, width: int) -> Table | Text | Group:
    """Return a table as it is if so many columns are enough for it, else its rows below each other, as pairs."""
    if isinstance(part, Text) or _least_width(part) <= width:
        return part
    heads = [str(column.header) for column in part.columns]
    rows = zip(*(column.cells for column in part.columns), strict=True)
    return Group(*(line for row in rows for line in _stacked(heads, [_text(cell) for cell in row])))


def _least_width(of: Table) -> int:
    least = 0
    for column in of.columns:
        widest = max(len(str(column.header)), *(_text(cell).cell_len for cell in column.cells), 0)
        least += widest if column.no_wrap else min(widest, _FOLDED)
    return least + (of.padding[1] + 1) * (len(of.columns) - 1)


def _stacked(heads: Sequence[str], row: Sequence[Text]) -> tuple[Text, Padding]:
    pairs = [
        Text.assemble((f"{head}\u00a0", "dim"), cell)
        for head, cell in zip(heads[1:], row[1:], strict=True)
        if cell.plain
    ]
    return Text.assemble((f"{heads[0]} ", "dim"), row[0]), Padding(Text("  ").join(pairs), (0, 0, 0, 2))


def _text(cell: object) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))


def number(count: int, style: str = "") -> Text:
    """Return a count for a table: a dim one if it is none, else in its own style."""
    return Text(f"{count:,}", style=style if count else "dim")
