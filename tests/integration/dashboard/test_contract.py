"""Every route of bull-board's contract: that it is there, that it answers, and that the answer has its shape."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from midday_worker.dashboard.router import Handler, find_handler
from midday_worker.dashboard.routes.table import ROUTES
from midday_worker.demo.node import NodeRuntime
from tests.integration.dashboard.play import Scene, acts, mistakes, reads
from tests.integration.dashboard.shape import Shapes, problems
from tests.integration.dashboard.visitor import Visitor

HERE = Path(__file__).parent
RECORDED = HERE / "shapes.json"


async def collect(scenes: AsyncIterator[Scene]) -> list[Scene]:
    return [scene async for scene in scenes]


async def everything(visitor: Visitor, ids: Mapping[str, str], hostile: str) -> list[Scene]:
    """Read, make mistakes, act."""
    return [
        *await collect(reads(visitor, ids, hostile)),
        *await collect(mistakes(visitor, ids)),
        *await collect(acts(visitor, ids)),
    ]


def body_of(scene: Scene) -> object:
    body = cast("object", json.loads(scene.answer.text))
    if scene.shape == "GetQueueDefaultJobOptionsResponse":
        # An option of BullMQ's that bull-board's schema leaves out; its form sends it back as it got it.
        cast("dict[str, dict[str, object]]", body)["backoff"].pop("jitter")
    return body


async def ask_node(node: NodeRuntime, *arguments: str) -> dict[str, object]:
    return cast("dict[str, object]", await node.run((HERE / "shapes.mjs").read_text(), *arguments))


async def test_every_answer_has_the_shape_that_was_recorded(
    visitor: Visitor, ended: dict[str, str], hostile: str
) -> None:
    shapes = cast("Shapes", json.loads(RECORDED.read_text()))
    for scene in await everything(visitor, ended, hostile):
        refused = scene.shape == "ErrorResponseBody"
        assert (scene.answer.status >= 400) is refused, f"{scene.asked}: {scene.answer.status} {scene.answer.text}"
        if scene.answer.status == 204:
            assert scene.answer.text == ""
            continue
        assert list(problems(body_of(scene), shapes[scene.shape], shapes)) == [], scene.asked


async def test_every_answer_passes_bull_board_s_own_schemas(
    visitor: Visitor, ended: dict[str, str], hostile: str, bull_board: NodeRuntime, tmp_path: Path
) -> None:
    scenes = [scene for scene in await everything(visitor, ended, hostile) if scene.answer.text]
    file = tmp_path / "answers.json"
    file.write_text(json.dumps([[scene.shape, scene.asked, body_of(scene)] for scene in scenes]))
    assert len({scene.shape for scene in scenes}) >= 15
    assert (await ask_node(bull_board, str(file)))["problems"] == []


async def test_the_recorded_shapes_are_those_of_bull_board(bull_board: NodeRuntime) -> None:
    asked = await ask_node(bull_board)
    assert json.loads(RECORDED.read_text()) == asked["shapes"]


async def test_every_route_of_bull_board_is_there(bull_board: NodeRuntime) -> None:
    theirs = cast("list[str]", (await ask_node(bull_board))["routes"])

    def plain(route: str) -> str:
        return re.sub(r":\w+|{\w+}", ":", route)

    ours = {plain(f"{method} {route.path}") for route in ROUTES for method in route.methods or ()}
    assert {plain(route) for route in theirs} - ours == set()
    assert len(theirs) == 34


async def test_every_route_is_played_and_succeeds(visitor: Visitor, ended: dict[str, str], hostile: str) -> None:
    """So that the two tests of shapes leave no route out."""
    played = {
        _handler(scene.asked)
        for scene in [*await collect(reads(visitor, ended, hostile)), *await collect(acts(visitor, ended))]
        if scene.answer.status < 300
    }
    contract = [route for route in ROUTES if route.path.startswith("/api/") and not route.path.startswith("/api/runs")]
    assert [route for route in contract if route.endpoint not in played] == []


def _handler(asked: str) -> Handler:
    method, _, path = asked.partition(" ")
    handler, _ = find_handler(ROUTES, method, [unquote(p) for p in path.partition("?")[0].strip("/").split("/")])
    return handler


async def test_the_active_queue_is_listed_with_a_page_of_its_jobs(visitor: Visitor, ended: dict[str, str]) -> None:
    answer = await visitor.get("/api/queues?activeQueue=emails&status=failed&page=1&jobsPerPage=1")
    queues = {queue["name"]: queue for queue in cast("list[dict[str, object]]", answer.json["queues"])}
    assert [job["id"] for job in cast("list[dict[str, object]]", queues["emails"]["jobs"])] == [ended["nobody"]]
    assert queues["emails"]["pagination"] == {"pageCount": 1, "range": {"start": 0, "end": 0}}
    assert queues["reports"]["jobs"] == []
    # The page encodes a name once more.
    twice = await visitor.get("/api/queues", {"activeQueue": "%65mails", "status": "latest", "jobsPerPage": "20"})
    (emails,) = [queue for queue in cast("list[dict[str, object]]", twice.json["queues"]) if queue["name"] == "emails"]
    assert {ended["ada"], ended["nobody"], ended["vip"]} <= {
        job["id"] for job in cast("list[dict[str, object]]", emails["jobs"])
    }
