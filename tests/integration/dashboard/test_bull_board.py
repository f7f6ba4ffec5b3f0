"""The original README's "BullMQ Dashboard": bull-board, by its own API under Node, shows what we write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, cast

import pytest

from midday_worker import JobClient, JobContext, JobHandle, JobRegistry, Settings, job
from midday_worker.demo.node import NodeRuntime
from tests.integration.crew import Crew

# bull-board's routes as its server adapters get them; what is asked is [route, parameters, query] each.
ASK: Final = """
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { Queue } from "bullmq";

const [url, prefix, names, questions] = process.argv.slice(2);
const queues = JSON.parse(names).map((name) => new Queue(name, { connection: { url }, prefix }));
const given = {};
const serverAdapter = new Proxy({}, {
  get: (_, setter) => (value) => { given[setter] = value; return serverAdapter; },
});
createBullBoard({ queues: queues.map((queue) => new BullMQAdapter(queue)), serverAdapter });

async function ask([path, params, query]) {
  const { handler } = given.setApiRoutes.find(({ route, method }) => method === "get" && [route].flat().includes(path));
  const { status, body } = await handler({ queues: given.setQueues, params, query, uiConfig: {} });
  if (status && status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

const answers = [];
for (const question of JSON.parse(questions)) answers.push(await ask(question));
console.log(JSON.stringify(answers));
for (const queue of queues) await queue.close();
"""


class Board:
    """Asks bull-board about two queues."""

    def __init__(self, node: NodeRuntime, settings: Settings) -> None:
        self._node = node
        self._settings = settings

    async def ask(self, *questions: tuple[str, Mapping[str, str], Mapping[str, str]]) -> list[object]:
        url, prefix = self._settings.redis_url.get_secret_value(), self._settings.redis_prefix
        answers = await self._node.run(ASK, url, prefix, json.dumps(["emails", "reports"]), json.dumps(questions))
        return cast("list[object]", answers)

    async def queues(self, active: str) -> dict[str, dict[str, object]]:
        """The board's queues by name; the jobs are those of the one that is active."""
        query = {"activeQueue": active, "status": "latest", "page": "1", "jobsPerPage": "20"}
        (answer,) = await self.ask(("/api/queues", {}, query))
        listed = cast("dict[str, list[dict[str, object]]]", answer)["queues"]
        return {str(queue["name"]): queue for queue in listed}


@pytest.fixture
def board(bull_board: NodeRuntime, settings: Settings) -> Board:
    return Board(bull_board, settings)


async def send(data: str, ctx: JobContext) -> dict[str, str]:
    await ctx.update_progress(50)
    await ctx.log(f"sending to {data}")
    if data == "nobody":
        raise LookupError("no such user")
    return {"sent": data}


@pytest.fixture
async def ended(client: JobClient, registry: JobRegistry, settings: Settings) -> dict[str, JobHandle[dict[str, str]]]:
    """One job in each state that is left once a worker has gone."""
    mail = job("send-mail", str, send, queue="emails", attempts=1, registry=registry)
    handles = {user: await mail.trigger(user, client=client) for user in ("ada", "nobody")}
    async with Crew(registry, settings):
        await handles["ada"].result("10s")
        with pytest.raises(Exception, match="no such user"):
            await handles["nobody"].result("10s")
    handles["later"] = await mail.trigger("later", client=client, delay="1h")
    handles["vip"] = await mail.trigger("vip", client=client, priority=3)
    handles["next"] = await mail.trigger("next", client=client)
    return handles


async def test_bull_board_lists_queues_with_their_jobs_by_state(
    board: Board, ended: dict[str, JobHandle[dict[str, str]]]
) -> None:
    queues = await board.queues("emails")
    assert set(queues) == {"emails", "reports"}
    counts = cast("dict[str, int]", queues["emails"]["counts"])
    assert {state: count for state, count in counts.items() if count} == {
        "completed": 1,
        "failed": 1,
        "delayed": 1,
        "prioritized": 1,
        "waiting": 1,
    }
    jobs = {str(one["id"]): one for one in cast("list[dict[str, object]]", queues["emails"]["jobs"])}
    assert set(jobs) == {handle.id for handle in ended.values()}
    done, failed = jobs[ended["ada"].id], jobs[ended["nobody"].id]
    assert (done["name"], done["data"], done["returnValue"]) == ("send-mail", "ada", {"sent": "ada"})
    assert (done["progress"], done["attempts"], done["isFailed"]) == (50, 1, False)
    assert (failed["failedReason"], failed["isFailed"]) == ("no such user", True)
    assert "LookupError: no such user" in cast("list[str]", failed["stacktrace"])[0]
    assert jobs[ended["later"].id]["delay"] == 3_600_000
    assert jobs[ended["vip"].id]["priority"] == 3


async def test_bull_board_shows_a_jobs_log_and_its_queues_metrics(
    board: Board, ended: dict[str, JobHandle[dict[str, str]]]
) -> None:
    of_ada = {"queueName": "emails", "jobId": ended["ada"].id}
    shown, logs, metrics = await board.ask(
        ("/api/queues/:queueName/:jobId", of_ada, {}),
        ("/api/queues/:queueName/:jobId/logs", of_ada, {}),
        ("/api/queues/:queueName/metrics", {"queueName": "emails"}, {}),
    )
    assert cast("dict[str, object]", shown)["status"] == "completed"
    assert logs == ["sending to ada"]
    counted = cast("dict[str, dict[str, dict[str, int]]]", metrics)
    assert {end: figures["meta"]["count"] for end, figures in counted.items()} == {"completed": 1, "failed": 1}


async def test_bull_board_shows_workers_schedules_and_flows(
    board: Board, client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    mail = job("send-mail", str, send, queue="emails", registry=registry)
    report = job("report", str, send, queue="reports", registry=registry)
    schedule = await mail.trigger_recurring("ada", "0 9 * * *", tz="Europe/Stockholm", client=client)
    async with Crew(registry, settings):
        flow = await report.trigger_flow("May", [mail.node("ada")], client=client)
        await flow.result("10s")
        queues = await board.queues("emails")
        schedules, tree = await board.ask(
            ("/api/job-schedulers", {}, {}),
            ("/api/queues/:queueName/:jobId/flow", {"queueName": "reports", "jobId": flow.id}, {}),
        )
    assert queues["emails"]["hasWorkers"] is True
    assert queues["emails"]["jobSchedulerCount"] == 1
    assert schedule.id in json.dumps(schedules)
    assert flow.children[0].id in json.dumps(tree)
