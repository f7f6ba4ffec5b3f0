"""The runs of many queues as one: chosen, listed page by page, counted, and acted on in bulk."""

from midday_worker.admin.runs.bulk import BulkAct, BulkStep, act_on_runs
from midday_worker.admin.runs.choice import STATES, RunChoice, Tag
from midday_worker.admin.runs.count import RunCount, count_runs
from midday_worker.admin.runs.cursor import Cursor
from midday_worker.admin.runs.listing import RunPage, list_runs
from midday_worker.admin.runs.run import Run, Show

__all__ = [
    "STATES",
    "BulkAct",
    "BulkStep",
    "Cursor",
    "Run",
    "RunChoice",
    "RunCount",
    "RunPage",
    "Show",
    "Tag",
    "act_on_runs",
    "count_runs",
    "list_runs",
]
