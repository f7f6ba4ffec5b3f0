"""Counting in one process, adding up several, and Prometheus's form of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from midday_worker.telemetry.metrics.catalogue import INSTRUMENTS
from midday_worker.telemetry.metrics.distribution import Distribution
from midday_worker.telemetry.metrics.exposition import expose
from midday_worker.telemetry.metrics.snapshot import Snapshot
from midday_worker.telemetry.metrics.tally import UNKNOWN, QueueTally
from midday_worker.workers.fleet import FleetMetrics


def written(tally: QueueTally) -> Snapshot:
    snapshot = Snapshot()
    tally.write(snapshot)
    return snapshot


def values(snapshot: Snapshot, name: str) -> dict[tuple[str, ...], list[float]]:
    return dict(dict(snapshot)[f"midday_worker_{name}"])


def exposed(snapshot: Snapshot) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What a scraper reads, by the sample's name and labels."""
    families = text_string_to_metric_families(expose(snapshot).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_each_job_is_there_from_the_start_at_0() -> None:
    assert values(written(QueueTally("mails", ["send"])), "jobs_started_total") == {
        ("mails", "send"): [0],
        ("mails", UNKNOWN): [0],
    }


def test_names_that_nobody_knows_make_one_series_and_not_a_thousand() -> None:
    tally = QueueTally("mails", ["send"], elsewhere=["charge"])
    for number in range(1000):
        tally.of(f"made-up-{number}").start()
    tally.of("charge").start()  # on another queue than its own: added by Node, for instance
    assert values(written(tally), "jobs_started_total") == {
        ("mails", "send"): [0],
        ("mails", "charge"): [1],
        ("mails", UNKNOWN): [1000],
    }


def test_a_failure_is_retried_or_for_good_and_what_runs_is_what_has_not_ended() -> None:
    job = QueueTally("mails", ["send"]).of("send")
    for for_good in (False, False, True):
        job.start()
        job.took.append(0.2)
        job.fail(for_good=for_good)
    job.start()
    assert (job.started, job.failed, job.retried, job.exhausted, job.running) == (4, 3, 2, 1, 1)


def test_what_a_busy_process_noted_is_sorted_before_it_is_asked_for() -> None:
    tally = QueueTally("mails", ["send"])
    job = tally.of("send")
    for number in range(5_000):
        job.start()
        job.waited.append(number / 1_000)
        job.took.append(0.004 if number % 2 else 4_000.0)
        assert max(len(job.waited), len(job.took)) < 2_000, "it grows until somebody scrapes"
    assert job.running == 0
    first, again = written(tally), written(tally)
    took, waited = (values(first, f"job_{name}_seconds")["mails", "send"] for name in ("duration", "wait"))
    assert (took[1], took[-1], sum(took[1:])) == (2_500, 2_500, 5_000)
    assert waited[1:4] == [6, 20, 75]  # up to 5, 25 and 100 ms
    assert values(again, "job_duration_seconds")["mails", "send"] == took


@given(st.lists(st.floats(-10, 10) | st.sampled_from((1.0, 2.0, 4.0))))
def test_many_values_at_once_fall_into_the_same_buckets_as_one_by_one(found: list[float]) -> None:
    at_once, one_by_one = Distribution((1.0, 2.0, 4.0)), Distribution((1.0, 2.0, 4.0))
    at_once.observe_all(found)
    for value in found:
        one_by_one.observe(value)
    assert at_once.values == pytest.approx(one_by_one.values)
    assert at_once.count == len(found)


def test_a_scraper_reads_buckets_that_add_up() -> None:
    tally = QueueTally("mails", ["send"])
    tally.of("send").took += [7200.0, 0.001, 0.3]
    read = exposed(written(tally))
    name, labels = "midday_worker_job_duration_seconds", (("job_name", "send"), ("queue", "mails"))

    def bucket(limit: str) -> float:
        return read[f"{name}_bucket", tuple(sorted((*labels, ("le", limit))))]

    assert [bucket(limit) for limit in ("0.005", "0.25", "0.5", "3600.0", "+Inf")] == [1, 1, 2, 2, 3]
    assert read[f"{name}_count", labels] == 3
    assert read[f"{name}_sum", labels] == 7200.301


def test_awkward_labels_are_read_as_they_were() -> None:
    name = 'a "quoted"\\ name\nof two lines'
    tally = QueueTally("q", [name])
    tally.of(name).start()
    assert exposed(written(tally))["midday_worker_jobs_started_total", (("job_name", name), ("queue", "q"))] == 1


def test_processes_add_up_but_what_all_see_alike_is_counted_once() -> None:
    total = Snapshot()
    for running, depth in ((2, 10), (3, 12)):
        one = Snapshot()
        one.add("midday_worker_jobs_running", ("q", "j"), running)
        one.add("midday_worker_queue_jobs", ("q", "waiting"), depth)
        one.add("midday_worker_event_loop_lag_seconds", (), *[float(running)] * 12)
        total.include(Snapshot.load(one.dump()))
    assert values(total, "jobs_running") == {("q", "j"): [5]}
    assert values(total, "queue_jobs") == {("q", "waiting"): [12]}
    assert values(total, "event_loop_lag_seconds") == {(): [5.0] * 12}


def test_no_counter_goes_down_when_a_process_ends_and_is_replaced() -> None:
    fleet, tally = FleetMetrics(), QueueTally("q", ["j"])
    for _ in range(7):
        tally.of("j").start()
    fleet.note(1, written(tally))
    fleet.note(2, written(tally))
    fleet.retire(1)
    fleet.retire(1)
    assert values(fleet.total(), "jobs_started_total")["q", "j"] == [14]
    assert values(fleet.total(), "jobs_running")["q", "j"] == [7]
    fleet.note(1, written(QueueTally("q", ["j"])))
    fleet.restarted()
    assert values(fleet.total(), "jobs_started_total")["q", "j"] == [14]
    assert values(fleet.total(), "process_restarts_total") == {(): [1]}


def test_names_follow_prometheus_conventions() -> None:
    for name, instrument in INSTRUMENTS.items():
        assert re.fullmatch(r"midday_worker_[a-z]+(_[a-z]+)*", name)
        assert name.endswith("_total") == (instrument.kind == "counter"), name
        assert name.endswith("_seconds") or instrument.kind != "histogram", name
        assert bool(instrument.bounds) == (instrument.kind == "histogram"), name
        assert list(instrument.bounds) == sorted(set(instrument.bounds)), name
        assert "job" not in instrument.labels, "Prometheus has a label of that name"
