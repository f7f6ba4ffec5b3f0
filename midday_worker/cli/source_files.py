"""Which files are a project's source, so that a change of one starts `dev`'s worker again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

IGNORED_DIRECTORIES: Final = frozenset(
    {"__pycache__", "build", "dist", "env", "htmlcov", "node_modules", "site-packages", "venv"}
)
"""And all that begin with a dot: .venv, .midday, .git and the caches."""

SUFFIXES: Final = frozenset({".html", ".j2", ".jinja", ".jinja2", ".py", ".sql", ".toml"})
NAMES: Final = frozenset({".env"})


def is_source(path: Path, root: Path) -> bool:
    """Return whether this file below `root` is source.

    >>> is_source(Path("/app/jobs/mail.py"), Path("/app")), is_source(Path("/app/.venv/lib/x.py"), Path("/app"))
    (True, False)
    """
    # Only what is below the root counts: the project itself may lie in a directory named build.
    *directories, name = path.relative_to(root).parts
    if any(part.startswith(".") or part in IGNORED_DIRECTORIES for part in directories):
        return False
    return name in NAMES or path.suffix in SUFFIXES


async def watch(root: Path, on_change: Callable[[Path], None]) -> None:
    """Call `on_change` for each burst of changes, with one of the files, until cancelled.

    Args:
        root: an absolute path without symbolic links.
        on_change: called on this event loop.
    """
    from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType] - trio's Event, which isn't installed

    async for changes in awatch(root, watch_filter=lambda _change, path: is_source(Path(path), root)):
        on_change(Path(min(path for _, path in changes)))
