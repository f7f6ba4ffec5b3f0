"""One row of the conformance table: jobs, in both languages' words, and what has to become of them in both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from midday_worker.options import CallOptions

Language: TypeAlias = Literal["python", "node"]
Fields: TypeAlias = Mapping[str, object]

NOTHING: Fields = {}
GONE: Fields = {"state": "unknown"}
COMPLETED: Fields = {"state": "completed"}
FAILED: Fields = {"state": "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """One job to add.

    Attributes:
        tag: what the table calls it.
        act: what its handler does; see `actor.py` and `driver.mjs`.
        ours: its options in this library's words.
        theirs: the same options in BullMQ's words; Node reads these from a job of ours.
        stored: what both read, where BullMQ stores it in other words.
    """

    tag: str
    act: Fields = field(default_factory=dict[str, object])
    ours: CallOptions = field(default_factory=CallOptions)
    theirs: Fields = field(default_factory=dict[str, object])
    stored: Fields | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Jobs, and what has to become of them whoever adds and whoever runs them.

    Attributes:
        adds: the jobs, in this order, before there is a worker.
        then: further ones when those have ended.
        duplicates: the tags of jobs that are not added, and the tags of those that stand for them.
        pending: what both languages read of jobs before there is a worker, by tag.
        runs: the tags in the order of their runs, each attempt counted.
        ends: what both languages read at last, by tag.
        gaps_ms: the least and the most that lies between one run and the next; the most is None where only a slow
            machine decides.
        workers: whose workers run them; Node's don't know what is ours alone.
    """

    name: str
    adds: tuple[Add, ...]
    then: tuple[Add, ...] = ()
    duplicates: Mapping[str, str] = field(default_factory=dict[str, str])
    pending: Mapping[str, Fields] = field(default_factory=dict[str, Fields])
    runs: tuple[str, ...] = ()
    ends: Mapping[str, Fields] = field(default_factory=dict[str, Fields])
    gaps_ms: tuple[tuple[int, int | None], ...] = ()
    workers: tuple[Language, ...] = ("python", "node")
