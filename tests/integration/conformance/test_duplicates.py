"""Keys of duplicates: the same deduplication in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import pytest

from midday_worker.options import CallOptions
from tests.integration.conformance.actor import NAME
from tests.integration.conformance.bridge import QUEUE, Bridge
from tests.integration.conformance.case import Add

HOUR_MS: Final = 3_600_000
KEYS: Final[Mapping[str, tuple[CallOptions, Mapping[str, object]]]] = {
    "idempotency_key": (
        {"idempotency_key": "k", "idempotency_ttl": "1h"},
        {"deduplication": {"id": f"idempotency_key:{NAME}:k", "ttl": HOUR_MS}},
    ),
    "throttle": ({"throttle": ("k", "1h")}, {"deduplication": {"id": f"throttle:{NAME}:k", "ttl": HOUR_MS}}),
    "debounce": (
        {"debounce": ("k", "1h")},
        {
            "deduplication": {"id": f"debounce:{NAME}:k", "ttl": HOUR_MS, "extend": True, "replace": True},
            "delay": HOUR_MS,
        },
    ),
}


@pytest.mark.parametrize("name", KEYS)
async def test_both_languages_share_a_key(name: str, bridge: Bridge) -> None:
    ours, theirs = KEYS[name]
    add = Add(tag="a", ours=ours, theirs=theirs)
    ids = [await bridge.add(by, add) for by in ("python", "node", "python")]
    assert await bridge.peer.queue(QUEUE, "getDeduplicationJobId", theirs_id(theirs)) == ids[-1]
    for by in ("python", "node"):
        views = await bridge.views(by, ids)
        if name == "debounce":  # each in the last one's place
            assert [view["state"] for view in views] == ["unknown", "unknown", "delayed"]
        else:
            assert len(set(ids)) == 1
        options = cast("Mapping[str, object]", views[-1]["opts"])
        assert {key: options.get(key) for key in theirs} == theirs


async def test_what_node_added_is_told(bridge: Bridge) -> None:
    definition = bridge.definition()
    keys: tuple[CallOptions, CallOptions] = ({"idempotency_key": "k"}, {"throttle": ("k", "1h")})
    for ours in keys:
        _, theirs = KEYS[next(iter(ours))]
        job_id = await bridge.peer.add(QUEUE, NAME, {"tag": "a"}, theirs)
        handle = await definition.trigger({"tag": "a"}, client=bridge.client, **ours)
        assert (handle.id, handle.added) == (job_id, False)
    await bridge.peer.add(QUEUE, NAME, {"tag": "a"}, {"jobId": "chosen"})
    assert not (await definition.trigger({"tag": "a"}, client=bridge.client, job_id="chosen")).added


async def test_node_removes_the_job_and_frees_the_key_of_idempotency_each_by_itself(bridge: Bridge) -> None:
    ours, theirs = KEYS["idempotency_key"]
    add = Add(tag="a", ours=ours, theirs=theirs)
    job_id = await bridge.add("python", add)
    await bridge.peer.job(QUEUE, job_id, "remove")
    assert await bridge.add("node", add) == job_id
    await bridge.peer.queue(QUEUE, "removeDeduplicationKey", theirs_id(theirs))
    assert await bridge.add("python", add) != job_id


def theirs_id(options: Mapping[str, object]) -> object:
    return cast("Mapping[str, object]", options["deduplication"])["id"]
