"""`OutputConsole`: rich's console, for texts that anybody may have written."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from midday_worker.cli.output import writing
from midday_worker.settings.printable import printable

_PIPED: Final = 100_000
"""Columns of what is no terminal: whoever reads it line by line wants whole lines."""


class OutputConsole(Console):
    """Writes to standard output; takes no text for markup, and lets none command the terminal.

    Args:
        highlight: whether numbers and paths in plain texts are coloured.
    """

    def __init__(self, *, highlight: bool = False) -> None:
        super().__init__(markup=False, emoji=False, highlight=highlight)
        if not self.file.isatty():
            self.width = _PIPED

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the parts that something is written as; rich asks for all that it writes here."""
        for part in super().render(renderable, options):
            yield part if part.control else part._replace(text=printable(part.text))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write what was printed within the block; rich has a block for whatever it writes. Raises OutputError."""
        with writing():
            super().__exit__(kind, error, traceback)

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError: rich would exit with 1."""
        raise BrokenPipeError
