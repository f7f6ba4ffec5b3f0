"""The engines by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from tests.integration.faults.engine import Engine
from tests.integration.faults.ours import Ours
from tests.integration.faults.raw import Raw

ENGINES: Final[dict[str, Callable[[str, str], Engine]]] = {"ours": Ours, "raw": Raw}
"""Each is called with a Redis URL and a prefix."""

EngineAt: TypeAlias = Callable[[str], Engine]
"""Makes the engine under test for a Redis URL, with the test's own prefix."""
