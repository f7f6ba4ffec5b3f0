"""Thousands of jobs from two languages, while workers, Redis and connections come and go: scripts/soak in short."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from midday_worker.demo.node import NodeRuntime
from tests.soak.cluster import CLUSTER_DECK
from tests.soak.failovers import FailoverSoak
from tests.soak.ledger import read_ledger
from tests.soak.schedule import REDIS_DECK, WORKER_DECK
from tests.soak.soak import Soak


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    given: int | None = request.config.getoption("--soak-seed")
    return secrets.randbelow(1_000_000) if given is None else given


async def test_nothing_is_lost_or_repeated_without_cause_whatever_happens(
    node: NodeRuntime, tmp_path: Path, seed: int
) -> None:
    soak = Soak(jobs=2_000, seconds=45, seed=seed, folder=tmp_path, node=node)
    verdict = await soak.run()
    assert verdict.offences == [], f"with --soak-seed {seed}; the ledgers are in {tmp_path}"
    assert verdict.added == 2_000
    assert soak.disturbances.keys() == {kind for kind, *_ in (*WORKER_DECK, *REDIS_DECK)}
    assert verdict.repeats > 0, "nothing ran again: what happened was too mild to show anything"
    assert verdict.fires > 0, "no schedule fired"
    assert verdict.returns > 0, "no worker's return to work was seen"


async def test_a_rolling_deploy_under_load_runs_each_job_exactly_once(
    node: NodeRuntime, tmp_path: Path, seed: int
) -> None:
    soak = Soak(jobs=1_500, seconds=20, seed=seed, folder=tmp_path, node=node, only_deploy=True)
    verdict = await soak.run()
    entries = read_ledger(tmp_path)
    exits = {entry.pid: entry.code for entry in entries if entry.kind == "exited"}
    asked = [entry.time for entry in entries if entry.kind == "told to stop"]
    assert verdict.offences == [], f"with --soak-seed {seed}; the ledgers are in {tmp_path}"
    assert (verdict.added, verdict.repeats) == (1_500, 0)
    assert list(exits.values()) == [0] * 4
    assert any(entry.kind == "added" and entry.time > asked[0] for entry in entries), "there was no load any more"


async def test_nothing_is_lost_or_repeated_on_a_cluster_whose_slots_move(
    node: NodeRuntime, tmp_path: Path, seed: int
) -> None:
    soak = Soak(jobs=1_000, seconds=20, seed=seed, folder=tmp_path, node=node, topology="cluster")
    verdict = await soak.run()
    assert verdict.offences == [], f"with --soak-seed {seed}; the ledgers are in {tmp_path}"
    assert verdict.added == 1_000
    assert soak.disturbances.keys() >= {kind for kind, *_ in CLUSTER_DECK}
    assert verdict.fires > 0, "no schedule fired"


@pytest.mark.parametrize("wait_replicas", [1, pytest.param(0, marks=pytest.mark.long)])
async def test_failovers_lose_no_job_that_a_replica_has_confirmed_and_others_with_cause_alone(
    tmp_path: Path, seed: int, wait_replicas: int
) -> None:
    soak = FailoverSoak(jobs=600, seconds=25, seed=seed, folder=tmp_path, failovers=2, wait_replicas=wait_replicas)
    verdict = await soak.run()
    assert verdict.offences == [], f"with --soak-seed {seed}; the ledgers are in {tmp_path}"
    assert (verdict.added, verdict.failovers) == (600, 2)
    assert not wait_replicas or verdict.lost == []
