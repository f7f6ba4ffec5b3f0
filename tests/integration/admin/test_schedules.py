"""Schedules: their runs, a run out of turn, other times."""

from __future__ import annotations

from midday_worker import JobClient, JobDefinition
from midday_worker.admin import (
    Recurrence,
    change_schedule,
    count_schedules,
    find_schedule,
    get_job,
    list_schedules,
    read_runs,
    run_schedule,
)
from midday_worker.engine.cron.pattern import CronPattern
from midday_worker.engine.producer.queue import Queue

Mail = JobDefinition[str, str]


async def test_a_schedule_is_listed_with_its_next_run(mail: Mail, client: JobClient, queue: Queue) -> None:
    await mail.trigger_recurring("ada", "0 9 * * *", tz="Europe/Stockholm", schedule_id="daily", client=client)
    await mail.trigger_recurring("eve", every="1h", schedule_id="hourly", client=client)
    listed = {schedule.id: schedule for schedule in await list_schedules(queue)}
    assert await count_schedules(queue) == len(listed) == 2
    assert len(await list_schedules(queue, 1)) == 1
    daily = listed["daily"]
    assert (daily.job, daily.pattern, daily.tz, daily.data) == ("send-mail", "0 9 * * *", "Europe/Stockholm", "ada")
    assert daily.options["attempts"] == 1
    runs = await read_runs(queue, daily)
    assert (runs.next_id, runs.last_id) == (f"repeat:daily:{daily.next_run_ms}", None)


async def test_a_schedule_runs_out_of_turn_and_stays_as_it_is(mail: Mail, client: JobClient, queue: Queue) -> None:
    await mail.trigger_recurring("ada", "0 9 * * *", schedule_id="daily", client=client, priority=3)
    before = await find_schedule(queue, "daily")
    job_id = await run_schedule(queue, "daily")
    assert job_id is not None
    run = await get_job(queue, job_id)
    assert (run.name, run.data, run.state, run.priority) == ("send-mail", "ada", "prioritized", 3)
    assert await find_schedule(queue, "daily") == before
    assert await run_schedule(queue, "nightly") is None


async def test_a_schedule_fires_at_other_times_with_the_same_job(mail: Mail, client: JobClient, queue: Queue) -> None:
    await mail.trigger_recurring("ada", "0 9 * * *", schedule_id="daily", client=client)
    noon = Recurrence(pattern=CronPattern.parse("0 12 * * *", "Asia/Tokyo"), limit=5)
    assert await change_schedule(queue, "daily", noon)
    changed = await find_schedule(queue, "daily")
    assert changed is not None
    assert (changed.pattern, changed.tz, changed.limit, changed.job, changed.data) == (
        *("0 12 * * *", "Asia/Tokyo", 5),
        *("send-mail", "ada"),
    )
    assert changed.options["attempts"] == 1
    assert not await change_schedule(queue, "nightly", noon)
