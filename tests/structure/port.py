"""Which functions of the port run in a worker's and a producer's life."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Function:
    """A function or method, and the file, relative to its package's folder, and line where it begins."""

    file: str
    line: int
    name: str


def functions_of(package: Path, *, without: str = "") -> Iterator[Function]:
    """Yield a package's functions and methods; those inside functions, and files with `without` in their path, not."""
    for path in sorted(package.rglob("*.py")):
        file = path.relative_to(package).as_posix()
        if without and without in file:
            continue
        body = ast.parse(path.read_text("utf-8")).body
        yield from _functions_in(file, body)
        for node in body:
            if isinstance(node, ast.ClassDef):
                yield from _functions_in(file, node.body)


def _functions_in(file: str, body: Iterable[ast.stmt]) -> Iterator[Function]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # As code objects say it: with the first decorator.
            line = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            yield Function(file, line, node.name)


def read_calls(noted: Path) -> set[Function]:
    """Return what `tests.structure.calls` has written."""
    parts = (line.split() for line in noted.read_text("utf-8").splitlines())
    return {Function(file, int(line), name) for file, line, name in parts}
