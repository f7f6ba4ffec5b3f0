"""Feeding: Python adds its lines one by one, Node its share through its own BullMQ, at the same time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from midday_worker.client.client import JobClient
from midday_worker.demo.input_lines import INPUT, NODES_SHARE, PRODUCER, Line
from midday_worker.demo.node import NodeRuntime
from midday_worker.errors import PayloadError


class NodeRefusal(BaseModel):
    """A line that Node could not make a job of."""

    line: int
    why: str


class NodeReport(BaseModel):
    """What the producer in Node says at its end."""

    added: dict[str, int]
    refused: list[NodeRefusal]


@dataclass(slots=True)
class Fed:
    """What was added, by producer, and which lines weren't, and why."""

    by_python: int = 0
    by_node: int = 0
    refused: dict[int, str] = field(default_factory=dict)


async def feed(
    lines: Iterable[Line], client: JobClient, node: NodeRuntime, redis_url: str, source: Path = INPUT
) -> Fed:
    """Add everything that can be added.

    Args:
        lines: the whole input.
        client: Python's way to Redis.
        node: Node's runtime, installed.
        redis_url: Node's way to Redis.
        source: the file that the lines are from; Node reads it by itself.

    Raises:
        NodeFailedError: the producer in Node ended with an error.
    """
    fed, report = await asyncio.gather(_feed_python(lines, client), _feed_node(node, redis_url, source))
    fed.by_node = sum(report.added.values())
    fed.refused.update((refusal.line, refusal.why) for refusal in report.refused)
    return fed


async def _feed_python(lines: Iterable[Line], client: JobClient) -> Fed:
    fed = Fed()
    for line in lines:
        if line.by_node:
            continue
        if line.record is None:
            fed.refused[line.number] = line.refusal
            continue
        try:
            await line.definition.trigger(line.data, client=client, job_id=line.job_id)
        except PayloadError as error:
            fed.refused[line.number] = "; ".join(map(str, error.problems))
        else:
            fed.by_python += 1
    return fed


async def _feed_node(node: NodeRuntime, redis_url: str, source: Path) -> NodeReport:
    script = f"const url = {json.dumps(redis_url)};\n{PRODUCER.read_text('utf-8')}"
    answer = await node.run(script, str(source), str(NODES_SHARE))
    return NodeReport.model_validate(answer)
