"""Texts that anybody may have written, made fit for a terminal; and tables of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

Cell: TypeAlias = str | Text


def printable(text: str) -> str:
    """Return a text with what a terminal would obey, or turn around, written out.

    >>> print(printable("red: \\x1b[31m, turned: \\u202e, torn: \\udc80, kept: ä 人\\n"))
    red: \\x1b[31m, turned: \\u202e, torn: \\udc80, kept: ä 人
    <BLANKLINE>
    """
    return "".join(char if char.isprintable() or char in "\n\t" else _escaped(char) for char in text)


def one_line(text: str) -> str:
    """Return a text for a table's cell, its lines joined."""
    return printable(" ".join(text.split()))


def as_json(value: object) -> str:
    """Return a value as indented JSON; what JSON has no form for, as its text."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Return an empty table; the columns named in `right` hold numbers."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", collapse_padding=True)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
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


def _escaped(char: str) -> str:
    return (
        char.encode("unicode_escape", "surrogatepass").decode()
        if not 0xD800 <= ord(char) <= 0xDFFF
        else f"\\u{ord(char):x}"
    )
