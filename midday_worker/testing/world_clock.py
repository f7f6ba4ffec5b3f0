"""`WorldClock`: the clock that this library and BullMQ's port read within `time_travel`."""

from __future__ import annotations

import pkgutil
import sys
import time
from contextvars import ContextVar
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import Final

_REAL: Final = frozenset(
    {
        "midday_worker.admin.server_checks",
        "midday_worker.engine.inspection.health",
        "midday_worker.workers.monitor",
        "midday_worker.workers.schedule_sync",
        "midday_worker.workers.service",
    }
)
"""Whether a process lives, and what the server's own clock says: no matter of the world's time."""

_INTAKE: Final = "midday_worker.engine.worker.intake"
"""Knows for how long its queue is limited, and looks again after `_LOOK_AGAIN` seconds at most, which are real ones."""

_LOOK_AGAIN: Final = "_LIMITED_LOOK_S"
_OFTEN_S: Final = 0.01

_current: ContextVar[WorldClock | None] = ContextVar("world_clock", default=None)
_open: Final[list[WorldClock]] = []
_replaced: Final[dict[tuple[str, str], object]] = {}
_lock: Final = Lock()


class WorldClock:
    """Real time, and what was advanced. Tasks that are started within the world read it, and so do their threads.

    Args:
        start: the first moment, in epoch seconds; now if not given.
    """

    def __init__(self, start: float | None = None) -> None:
        self._ahead_s = 0.0 if start is None else start - time.time()
        self.advanced_s = 0.0
        """How far it was moved since."""

    def time(self) -> float:
        """Return the world's time, in epoch seconds."""
        return time.time() + self._ahead_s + self.advanced_s

    def move_to(self, moment_ms: float) -> int:
        """Move it forward to a moment; return by how many milliseconds. It is never moved backwards."""
        by_ms = max(0.0, moment_ms - self.time() * 1000)
        self.advanced_s += by_ms / 1000
        return round(by_ms)

    def open(self) -> None:
        """Let this library and the port read it."""
        with _lock:
            _open.append(self)
            _replace_all()
        _current.set(self)

    def close(self) -> None:
        """Let them read it no longer; after the last one, they read the real time."""
        with _lock:
            _open.remove(self)
            if not _open:
                while _replaced:
                    (module, name), value = _replaced.popitem()
                    setattr(sys.modules[module], name, value)
        _current.set(None)

    def follow(self) -> None:
        """Take in the modules that have been loaded since."""
        with _lock:
            _replace_all()


class _WorldTime:
    """Stands in for the module `time`: the wall clock is the world's, all else is real."""

    def time(self) -> float:
        clock = _clock()
        return time.time() if clock is None else clock.time()

    def __getattr__(self, name: str) -> object:
        value: object = getattr(time, name)
        return value


def _clock() -> WorldClock | None:
    """Return the world's clock of this context; where none was set, as in a fixture, that of the only world."""
    found = _current.get()
    if found in _open:
        return found
    return _open[0] if len(_open) == 1 else None


def _replace_all() -> None:
    for name, module in list(sys.modules.items()):
        package = name.partition(".")[0]
        if package not in ("midday_worker", "bullmq") or name in _REAL or name == __name__:
            continue
        if getattr(module, "time", None) is time:
            _replace(module, "time", _WorldTime())
    if (_INTAKE, _LOOK_AGAIN) not in _replaced:
        _replace(sys.modules[_INTAKE], _LOOK_AGAIN, _OFTEN_S)


def _replace(module: ModuleType, name: str, value: object) -> None:
    _replaced[module.__name__, name] = getattr(module, name)
    setattr(module, name, value)


def load_readers() -> None:
    """Load what reads the clock, so that none of it is loaded in the middle of a world."""
    for package in ("admin", "definition", "engine", "options"):
        root = import_module(f"midday_worker.{package}")
        for found in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            import_module(found.name)
