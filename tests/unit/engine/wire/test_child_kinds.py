"""A flow's children are told by their keys alone."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest

from midday_worker import JobContext, JobRegistry, job
from midday_worker.engine.wire.child_kinds import CHILD_KINDS, ChildKind, ChildKinds, encode_kinds, kind_of, mark
from midday_worker.request import JobRequest

REGISTRY = JobRegistry()


async def handle(data: int, ctx: JobContext) -> None: ...


PACK = job("pack", int, handle, queue="parts", registry=REGISTRY)
LABEL = job("label", int, handle, queue="parts", registry=REGISTRY)
FAR = job("far\ud800", int, handle, queue="far", registry=REGISTRY)

CHILDREN = [
    PACK.node(1),
    PACK.node(2, on_failure="ignore"),
    PACK.node(3, job_id="order-7"),
    LABEL.node(4, job_id="order-8"),
    FAR.node(5),
]


def kinds() -> ChildKinds:
    """Return the kinds as the parent's worker reads them."""
    return ChildKinds({CHILD_KINDS: json.loads(json.dumps(encode_kinds(CHILDREN)))})


@pytest.mark.parametrize("child", CHILDREN, ids=lambda child: child.text)
def test_a_child_that_was_added_here_is_known_by_its_key(child: JobRequest) -> None:
    job_id = child.options.job_id or mark(str(uuid4()), kind_of(child))
    assert kinds().find(f"a:prefix:{child.queue}:{job_id}") == ChildKind(child.name, child.queue, child.on_failure)


def test_a_marked_id_is_a_uuid_as_any_other() -> None:
    plain = str(uuid4())
    marked = mark(plain, kind_of(CHILDREN[0]))
    assert UUID(marked).version == 4
    assert marked[:24] == plain[:24]


@pytest.mark.parametrize(
    "key", ["bull:parts:0b7ea5b2-2b0f-4b6e-9d3c-6f1c2f8a4d5e", "bull:parts:order-9", "bull:far:order-7", "nonsense", ""]
)
def test_a_child_that_was_added_elsewhere_is_not_known(key: str) -> None:
    assert kinds().find(key) is None


@pytest.mark.parametrize("stored", [None, "x", {}, ["x"], [{}], [{"name": 1, "ids": "x"}]])
def test_what_somebody_else_has_written_there_is_no_kind(stored: object) -> None:
    assert ChildKinds({CHILD_KINDS: stored}).find(f"bull:parts:{uuid4()}") is None
