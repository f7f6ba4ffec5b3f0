"""`Declared`: what every definition is made with."""

from __future__ import annotations

from typing import TypedDict

from midday_worker.definition.declared_schedule import DeclaredSchedule
from midday_worker.options import CheckedOptions
from midday_worker.queues import QueueRegistry


class Declared(TypedDict):
    """What any definition is made with: queue, its own options, all queues, file and line, version, schedules."""

    queue: str
    options: CheckedOptions
    queues: QueueRegistry
    defined_at: str
    version: int
    schedules: tuple[DeclaredSchedule, ...]
