"""The imports of midday_worker, read from its source: by module, and by room."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = "midday_worker"

Graph: TypeAlias = Mapping[str, frozenset[str]]
"""What each name imports, by name."""


def read_modules(root: Path = ROOT) -> dict[str, Path]:
    """Return the package's modules by their names; a package file has its package's name."""
    found: dict[str, Path] = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def module_imports(root: Path = ROOT) -> Graph:
    """Return what each module imports of the package; imports for type checkers and within functions count.

    A name of the public API, `from midday_worker import job`, counts for the module that it is from, too.
    """
    modules = read_modules(root)
    homes = _homes(modules[PACKAGE])
    return {name: frozenset(_imports(path, modules, homes)) - {name} for name, path in modules.items()}


def room_of(module: str) -> str | None:
    """Return a module's room: a package or module at the top, or one of the engine's; None for a package file there."""
    parts = module.split(".")[1:]
    depth = 2 if parts[:1] == ["engine"] else 1
    return None if len(parts) < depth or parts == ["__main__"] else ".".join(parts[:depth])


def room_imports(modules: Graph) -> Graph:
    """Return what each room imports of others."""
    rooms: dict[str, set[str]] = {}
    for module, targets in modules.items():
        room = room_of(module)
        if room is not None:
            rooms.setdefault(room, set()).update(filter(None, map(room_of, targets)))
    return {room: frozenset(targets - {room}) for room, targets in rooms.items()}


def reached(graph: Graph, start: str) -> set[str]:
    """Return all that a name leads to, on however many steps."""
    found: set[str] = set()
    left = [*graph.get(start, ())]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += graph.get(name, ())
    return found


def cycles(graph: Graph) -> list[str]:
    """Return the names that lead back to themselves."""
    return sorted(name for name in graph if name in reached(graph, name))


def floors(graph: Graph) -> dict[str, int]:
    """Return on which floor each name of a graph without cycles stands: one above the highest that it imports."""
    found: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in found:
            found[name] = 1 + max(map(floor, graph.get(name, ())), default=0)
        return found[name]

    return {name: floor(name) for name in graph}


def _homes(face: Path) -> dict[str, str]:
    nodes = ast.walk(ast.parse(face.read_text("utf-8")))
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module is not None]
    return {alias.name: str(node.module) for node in froms for alias in node.names}


def _imports(path: Path, modules: Mapping[str, Path], homes: Mapping[str, str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in modules else str(node.module)
                if node.module == PACKAGE and alias.name in homes:
                    yield homes[alias.name]
