"""Flows read as trees, from any of their jobs, as far as one may look."""

from __future__ import annotations

from midday_worker import JobClient, JobDefinition, JobRegistry, Settings, job
from midday_worker.admin import FlowJob, FlowWindow, find_root, get_job, read_flow
from midday_worker.engine.producer.queue import Queue
from tests.integration.crew import Crew

Mail = JobDefinition[str, str]


async def test_a_flow_is_read_from_its_lowest_job(mail: Mail, client: JobClient, queue: Queue) -> None:
    flow = await mail.trigger_flow(
        "root", [mail.node("left", children=[mail.node("deep")]), mail.node("right")], client=client
    )
    deep = await get_job(queue, flow.children[0].children[0].id)
    above, root = await find_root(queue, deep, client.queue)
    tree = await read_flow(above, root, client.queue, FlowWindow())
    assert tree.job.id == flow.id
    assert tree.dependencies == {"processed": 0, "unprocessed": 2, "failed": 0, "ignored": 0}
    assert {child.job.id: child.job.state for child in tree.children} == {
        flow.children[0].id: "waiting-children",
        flow.children[1].id: "waiting",
    }
    (left,) = [child for child in tree.children if child.job.id == flow.children[0].id]
    assert [child.job.id for child in left.children] == [deep.id]
    assert not tree.truncated


async def test_children_that_have_ended_are_in_the_tree(
    mail: Mail, client: JobClient, queue: Queue, registry: JobRegistry, settings: Settings
) -> None:
    flow = await mail.trigger_flow("root", [mail.node("a"), mail.node("nobody", on_failure="ignore")], client=client)
    async with Crew(registry, settings):
        await flow.result("10s")
    tree = await read_flow(queue, await get_job(queue, flow.id), client.queue, FlowWindow())
    assert tree.dependencies == {"processed": 1, "unprocessed": 0, "failed": 0, "ignored": 1}
    assert sorted(child.job.state for child in tree.children) == ["completed", "failed"]
    assert list(tree.ignored.values()) == ["no such user"]


async def test_a_window_cuts_width_depth_and_what_may_not_be_seen(
    mail: Mail, client: JobClient, queue: Queue, registry: JobRegistry
) -> None:
    report = job("report", str, lambda data, ctx: data, queue="reports", registry=registry)
    flow = await mail.trigger_flow(
        "root", [mail.node(str(number)) for number in range(4)] + [report.node("r")], client=client
    )
    root = await get_job(queue, flow.id)

    async def read(**window: int) -> FlowJob:
        return await read_flow(queue, root, lambda at: queue if at.name == "emails" else None, FlowWindow(**window))

    for tree, children in ((await read(children=2), 2), (await read(depth=0), 0), (await read(jobs=3), 2)):
        assert (len(tree.children), tree.truncated) == (children, True)
    seen = await read()
    assert ({child.queue for child in seen.children}, len(seen.children), seen.truncated) == ({"emails"}, 4, True)
