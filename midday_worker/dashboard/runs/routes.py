"""The answers to what the page of all runs asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, cast, get_args

from loguru import logger
from starlette.responses import Response

from midday_worker.admin import get_job
from midday_worker.admin.runs import BulkAct, BulkStep, Cursor, act_on_runs, count_runs, list_runs
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.error_response import wrong_parameter
from midday_worker.dashboard.json_response import json_response
from midday_worker.dashboard.runs.event_stream import EventStream
from midday_worker.dashboard.runs.filters import BulkStepBody, asked_choice
from midday_worker.dashboard.runs.shown_run import listed, show_with
from midday_worker.dashboard.runs.tail import tail

MOST: Final = 200
"""How many runs a page may have."""

_USUAL: Final = 50


async def list_all(call: Call) -> Response:
    """GET /runs: the next runs that are meant, and how many were looked at for them."""
    query, board = call.request.query_params, call.board
    choice = asked_choice(call)
    there, _ = await board.reachable(choice.queues)
    choice = replace(choice, queues=tuple(queue.name for queue in there))
    most = call.asked_number("limit", MOST) or _USUAL
    page = await list_runs(
        board.engine_queue, choice, most, Cursor.parse(query.get("cursor")), show_with(board.redaction)
    )
    return json_response(
        {
            "runs": [listed(run) for run in page.runs],
            "scanned": page.scanned,
            "total": page.total,
            "unsearched": page.unsearched,
            "cursor": page.cursor and page.cursor.text,
        }
    )


async def show_names(call: Call) -> Response:
    """GET /runs/names: what can be chosen, and whether whoever asks may act."""
    queues = {
        overview.name: {"counts": overview.counts, "paused": overview.paused, "away": overview.away}
        for overview in (await call.board.overviews()).values()
    }
    jobs = sorted({definition.id for name in call.board.names for definition in call.board.definitions(name)})
    return json_response({"queues": queues, "jobs": jobs, "readOnly": call.read_only})


async def count(call: Call) -> Response:
    """GET /runs/count: how many runs an act would be done to; nothing is changed."""
    query, board = call.request.query_params, call.board
    act = query.get("act", "")
    if act not in get_args(BulkAct):
        raise wrong_parameter("act", f"Accepted: {', '.join(get_args(BulkAct))}.")
    choice = asked_choice(call)
    counted = await count_runs(
        board.engine_queue,
        choice,
        cast("BulkAct", act),
        Cursor.parse(query.get("cursor")),
        show_with(board.redaction),
    )
    return json_response(
        {
            "matched": counted.matched,
            "scanned": counted.scanned,
            "total": counted.total,
            "unsearched": counted.unsearched,
            "until": counted.until_ms,
            "cursor": counted.cursor and counted.cursor.text,
        }
    )


async def act(call: Call) -> Response:
    """POST /runs/act: one step of an act on those that were counted, 1,000 runs at most."""
    body, board = call.parsed(BulkStepBody), call.board
    choice = body.choice(board, body.until)
    step = await act_on_runs(
        board.engine_queue, choice, body.act, body.left, Cursor.parse(body.cursor), show_with(board.redaction)
    )
    _note(call, body, step)
    return json_response(
        {
            "done": step.done,
            "refused": step.refused,
            "scanned": step.scanned,
            "total": step.total,
            "cursor": step.cursor and step.cursor.text,
        }
    )


async def follow(call: Call) -> Response:
    """GET /runs/Q/:job/tail: what a run logs and how far it gets, as it comes, until it ends."""
    queue = call.queue
    job = await get_job(queue, call.job_id, longest=0)
    call.board.streams.check()
    return EventStream(call.board.streams, tail(call.board, queue, job))


def _note(call: Call, body: BulkStepBody, step: BulkStep) -> None:
    chosen = body.model_dump(include={"queue", "state", "job", "tag", "text"}, exclude_defaults=True)
    logger.bind(board_user=call.access.user).info(
        "dashboard: {user}: {act} of many runs: {done} done, {refused} refused; chosen by {chosen}",
        user=ascii(call.access.user[:300])[1:-1],
        act=body.act,
        done=step.done,
        refused=sum(step.refused.values()),
        chosen=ascii(chosen)[:1_000],
    )
