"""Hooks: functions that are told what happens to jobs."""

from midday_worker.hooks.chain import HookChain
from midday_worker.hooks.event import JobEvent
from midday_worker.hooks.hooks import Hook, Hooks, Moment

__all__ = ["Hook", "HookChain", "Hooks", "JobEvent", "Moment"]
