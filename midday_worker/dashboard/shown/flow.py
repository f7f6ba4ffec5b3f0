"""Flows as the page shows them."""

from __future__ import annotations

from midday_worker.admin import FlowJob
from midday_worker.dashboard.shown.job import show_job
from midday_worker.dashboard.shown.redaction import Redaction, Shown


def show_flow(node: FlowJob, redaction: Redaction) -> dict[str, object]:
    """Return a flow's tree; what a job hasn't is left out."""
    shown: dict[str, object] = {
        "id": node.job.id,
        "name": node.job.name,
        "state": node.job.state,
        "progress": show_job(node.job, node.queue, redaction)["progress"],
        "queueName": node.queue,
        "children": [show_flow(child, redaction) for child in node.children],
    }
    if node.truncated:
        shown["truncated"] = True
    if any(node.dependencies.values()):
        shown["dependencies"] = dict(node.dependencies)
    if node.ignored:
        shown["ignoredChildFailureReasons"] = {
            key: redaction.text(Shown(reason, "failure", node.queue, node.job.name))
            for key, reason in node.ignored.items()
        }
    return shown
