"""A package's rooms, and how many floors their imports make.

A room is a module or package that lies directly in the package; in the engine each package that lies directly there is
one too, and the engine's own modules are one together. Imports for type checkers only, and those inside functions,
count as others do. What imports the package itself, for its public names, imports no room by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Final

import grimp

ENGINE: Final = "engine"


class Rooms:
    """The rooms of an importable package and what each imports.

    Attributes:
        imports: by each room's name, those that it imports; none is missing.
    """

    def __init__(self, package: str) -> None:
        self._graph = grimp.build_graph(package, cache_dir=None)
        self._package = package
        named = {module: name for module in self._graph.modules if (name := self._room_of(module)) is not None}
        imports: dict[str, set[str]] = {name: set() for name in named.values()}
        for module, name in named.items():
            for imported in self._graph.find_modules_directly_imported_by(module):
                if imported in named and named[imported] != name:
                    imports[name].add(named[imported])
        self.imports: Mapping[str, set[str]] = imports

    def longest_chain(self) -> list[str]:
        """Return the rooms of the longest chain of imports, the uppermost first; its length is the number of floors.

        Raises:
            ValueError: rooms import each other in a circle.
        """
        try:
            order = tuple(TopologicalSorter(self.imports).static_order())
        except CycleError as error:
            circle: list[str] = error.args[1]
            raise ValueError(f"these rooms import each other in a circle: {' < '.join(circle)}") from error

        @cache
        def floors(room: str) -> int:
            return 1 + max(map(floors, self.imports[room]), default=0)

        def below(room: str) -> Iterator[str]:
            yield room
            if self.imports[room]:
                yield from below(max(sorted(self.imports[room]), key=floors))

        return list(below(max(order, key=floors)))

    def _room_of(self, module: str) -> str | None:
        _, *path = module.split(".")
        if not path:
            return None
        if path[0] == ENGINE and len(path) > 1:
            inner = ".".join([self._package, *path[:2]])
            return f"{ENGINE}.{path[1]}" if self._graph.find_children(inner) else ENGINE
        return path[0]
