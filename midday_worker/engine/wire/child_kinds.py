"""What a flow's parent knows of its children when their own hashes are gone: their names and failure policies.

BullMQ keeps of a child that has ended no more than its key, in the parent's `:processed`. So each parent carries the
kinds of its children in its options, and the id of a child ends with a mark of its kind: however many they are, the
parent stays small. Ids that somebody chose are listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final, cast, get_args

from midday_worker.request import FailurePolicy, JobRequest

CHILD_KINDS: Final = "childKinds"
"""Where they are among the options of ours."""

_MARK: Final = 12
"""How many hexadecimal digits a mark has: as many as the last group of a UUID."""


@dataclass(frozen=True, slots=True)
class ChildKind:
    """What those of a flow's children have in common that are jobs of one definition."""

    name: str
    queue: str
    policy: FailurePolicy


def kind_of(child: JobRequest) -> ChildKind:
    """Return the kind of a flow's child."""
    return ChildKind(child.name, child.queue, child.on_failure)


def mark(job_id: str, kind: ChildKind) -> str:
    """Return a random UUID with its kind's mark as its last group."""
    return job_id[:-_MARK] + _mark(kind)


def encode_kinds(children: Sequence[JobRequest]) -> list[dict[str, object]]:
    """Return the kinds of a parent's children as they travel in its options, with the ids that were chosen."""
    ids: dict[ChildKind, list[str]] = {}
    for child in children:
        chosen = ids.setdefault(kind_of(child), [])
        if child.options.job_id:
            chosen.append(child.options.job_id)
    stored: list[dict[str, object]] = []
    for kind, chosen in ids.items():
        stored.append({"name": kind.name, "queue": kind.queue, "onFailure": kind.policy})
        if chosen:
            stored[-1]["ids"] = chosen
    return stored


class ChildKinds:
    """The kinds of a parent's children, by their keys; of children that this library made.

    Args:
        extras: what travels with the parent that BullMQ doesn't know.
    """

    def __init__(self, extras: Mapping[str, object]) -> None:
        self._by_place: dict[tuple[str, str], ChildKind] = {}
        stored = extras.get(CHILD_KINDS)
        for each in cast("list[object]", stored) if isinstance(stored, list) else []:
            if isinstance(each, dict):
                self._learn(cast("Mapping[str, object]", each))

    def find(self, key: str) -> ChildKind | None:
        """Return the kind of the child with this key `prefix:queue:id`; None for one that was made elsewhere."""
        place, _, job_id = key.rpartition(":")
        queue = place.rpartition(":")[2]
        return self._by_place.get((queue, job_id)) or self._by_place.get((queue, job_id[-_MARK:]))

    def _learn(self, stored: Mapping[str, object]) -> None:
        policy = stored.get("onFailure")
        if policy not in get_args(FailurePolicy):
            return  # something else has written it
        kind = ChildKind(str(stored.get("name")), str(stored.get("queue")), cast("FailurePolicy", policy))
        chosen = stored.get("ids")
        for end in (_mark(kind), *(cast("list[str]", chosen) if isinstance(chosen, list) else [])):
            self._by_place[kind.queue, end] = kind


@lru_cache(maxsize=512)
def _mark(kind: ChildKind) -> str:
    text = "\0".join((kind.name, kind.queue, kind.policy))
    return blake2b(text.encode(errors="surrogatepass"), digest_size=_MARK // 2).hexdigest()
