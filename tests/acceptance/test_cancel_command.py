"""``midday-worker cancel``: finds the job, cancels it, and says what became of it."""

from __future__ import annotations

import json

from midday_worker import JobClient, JobRegistry, job
from tests.acceptance.command import Command

REGISTRY = JobRegistry()
mail = job("send-mail", dict[str, str], lambda data, ctx: None, queue="mails [now]", registry=REGISTRY)
note = job("note", dict[str, str], lambda data, ctx: None, queue="notes", registry=REGISTRY)


async def test_a_job_is_found_by_its_id(command: Command, client: JobClient) -> None:
    handle = await mail.trigger({}, client=client, delay="3d")
    finished = await command.run("cancel", handle.id, "--reason", "the order was withdrawn")
    assert finished.out == f"Cancelled job {handle.id} of queue mails [now]\n"
    assert (await handle.fetch()).failedReason == "cancelled: the order was withdrawn"
    again = await command.run("cancel", handle.id, "--queue", "mails [now]", "--json")
    assert json.loads(again.out) == {"id": handle.id, "queue": "mails [now]", "outcome": "cancelled"}


async def test_an_id_that_two_queues_hold_needs_a_queue(command: Command, client: JobClient) -> None:
    handles = [await each.trigger({}, client=client, job_id="j-one") for each in (mail, note)]
    line = (await command.run("cancel", "j-one")).refused()
    assert line == "Job j-one is in more than one queue: mails [now], notes. Name one with --queue."
    assert [await handle.state() for handle in handles] == ["waiting", "waiting"]


async def test_an_unknown_id_and_a_removed_job_are_one_line(command: Command, client: JobClient) -> None:
    assert "No job no-such in any queue" in (await command.run("cancel", "no-such")).refused()
    assert "No job no-such in queue notes" in (await command.run("cancel", "no-such", "--queue", "notes")).refused()


async def test_children_are_cancelled_when_asked(command: Command, client: JobClient) -> None:
    parent = await mail.trigger_flow({}, [note.node({})], client=client)
    finished = await command.run("cancel", parent.id, "--children")
    assert finished.code == 0, finished.err
    assert [await handle.state() for handle in (parent, *parent.children)] == ["failed", "failed"]
