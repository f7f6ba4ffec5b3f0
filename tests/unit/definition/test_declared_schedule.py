"""Schedules that definitions declare: what is accepted, and what is refused where it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from midday_worker import DeclaredSchedule, JobContext, JobDefinition, JobRegistry, Payload, cron, every, job, spread
from midday_worker.errors import DefinitionError, DurationError, InvalidInputError, MiddayWorkerError, ScheduleError


class Sync(Payload):
    account_id: str = "all"


class Charge(Payload):
    order_id: str


async def handle(data: object, ctx: JobContext) -> None: ...


def define(
    schedule: object, schema: object = Sync, name: str = "sync", registry: JobRegistry | None = None
) -> JobDefinition[object, object]:
    made = cast("Callable[..., JobDefinition[object, object]]", job)
    return made(name, schema, handle, schedule=schedule, registry=JobRegistry() if registry is None else registry)


def test_a_schedule_is_named_after_its_job_and_those_of_a_list_by_their_number() -> None:
    declared = define([every("10m"), cron("0 9 * * *"), every("1h", id="hourly")], name="a:b").declared_schedules

    assert [schedule.id for schedule in declared] == ["a-b", "a-b.2", "hourly"]


def test_the_minute_of_a_spread_cron_is_drawn_by_its_id() -> None:
    one, other = define([cron(spread("m 9 * * *"), id="a"), cron(spread("m 9 * * *"), id="b")]).declared_schedules

    patterns = [schedule.recurrence().encode()["pattern"] for schedule in (one, other)]
    assert patterns == [spread("m 9 * * *").pattern_for(name) for name in ("a", "b")]


@pytest.mark.parametrize("schema", [Sync, None, dict[str, int]])
def test_a_payload_of_nothing_but_defaults_is_none_that_has_to_be_given(schema: object) -> None:
    assert len(define(every("10m"), schema).declared_schedules) == 1


@pytest.mark.parametrize(
    ("schema", "schedule"), [(Charge, every("10m")), (str, every("10m")), (int, cron("* * * * *"))]
)
def test_a_payload_without_defaults_has_to_be_given(schema: object, schedule: DeclaredSchedule) -> None:
    with pytest.raises(DefinitionError, match=r"Schedule 'sync' of job 'sync' at .* has no payload.*payload="):
        define(schedule, schema)


def test_a_payload_that_is_not_the_jobs_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"has a payload that isn't the job's \(orderId"):
        define(every("10m", payload={"order": 1}), Charge)
    assert define(every("10m", payload=Charge(order_id="o1")), Charge).declared_schedules


@pytest.mark.parametrize("schedule", ["10m", 5, None, [every("10m"), "0 9 * * *"], {"every": "10m"}])
def test_what_is_no_schedule_is_refused(schedule: object) -> None:
    with pytest.raises(DefinitionError, match=r"has schedule=.*; accepted: every\(\"10m\"\)"):
        define(schedule)


def test_two_schedules_of_one_id_are_refused_within_a_job_and_within_a_queue() -> None:
    with pytest.raises(DefinitionError, match="has two schedules with the id 'x'"):
        define([every("10m", id="x"), every("20m", id="x")])
    registry = JobRegistry()
    define(every("10m", id="x"), registry=registry)
    with pytest.raises(DefinitionError, match=r"Schedule 'x' of queue 'default' is declared twice: by job 'sync' at"):
        define(every("10m", id="x"), name="other", registry=registry)
    assert "other" not in registry


def test_the_same_id_in_another_queue_is_another_schedule() -> None:
    registry = JobRegistry()
    made = cast("Callable[..., JobDefinition[object, object]]", job)
    made("one", Sync, handle, queue="a", schedule=every("10m", id="x"), registry=registry)
    made("two", Sync, handle, queue="b", schedule=every("10m", id="x"), registry=registry)

    assert len(registry) == 2


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: every(0), ScheduleError),
        (lambda: every("soon"), DurationError),
        (lambda: cron("61 * * * *"), ScheduleError),
        (lambda: cron("m 9 * * *"), ScheduleError),
        (lambda: cron("0 9 * * *", tz="Europe/Stokholm"), ScheduleError),
        (lambda: every("10m", id="a:b"), InvalidInputError),
        (lambda: every("10m", only=cast("tuple[()]", "prod")), InvalidInputError),
    ],
)
def test_a_schedule_that_can_not_be_is_refused_where_it_is_written(
    make: Callable[[], DeclaredSchedule], error: type[MiddayWorkerError]
) -> None:
    with pytest.raises(error):
        make()


def test_a_spread_pattern_is_steady_by_its_id_and_uses_the_whole_hour() -> None:
    patterns = {spread("m */6 * * *").pattern_for(f"acc_{number}") for number in range(1_000)}

    assert {int(pattern.split()[0]) for pattern in patterns} == set(range(60))
    assert all(pattern.endswith(" */6 * * *") for pattern in patterns)
    assert spread("s m h * * *").pattern_for("acc_1") == spread(" s  m h * * * ").pattern_for("acc_1")


@pytest.mark.parametrize(
    "pattern",
    ["0 9 * * *", "", "m", "* m * * *", "h m * * *", "m m * * *", "m * * s *", "m/5 9 * * *", "m 25 * * *", 5],
)
def test_what_can_not_be_spread_is_refused(pattern: str) -> None:
    with pytest.raises(ScheduleError):
        spread(pattern)
