"""``midday-worker trigger``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, cast

import typer

from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import Imports, load_jobs, settings_with
from midday_worker.cli.output import AsJson, say, say_json
from midday_worker.cli.values import duration, job_id, whole_number
from midday_worker.client.client import JobClient
from midday_worker.definition.definition import JobDefinition
from midday_worker.errors import InvalidInputError, PayloadError
from midday_worker.options import MAX_PRIORITY, CallOptions
from midday_worker.settings.settings import Settings

app: Final = typer.Typer(add_completion=False)

_SHOWN: Final = 30
_EXAMPLE: Final = """--data '{"userId": "user_123"}', or --data @payload.json"""


@app.command()
@one_line_errors
def trigger(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")],
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", help="The payload, if it has one: JSON, @file, or @- for standard input."),
    ] = None,
    imports: Imports = None,
    delay: Annotated[
        int | None,
        typer.Option(parser=duration("--delay"), metavar="TIME", help='Not before this has passed: "30s", "3d".'),
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(parser=whole_number("--priority", 0, MAX_PRIORITY), metavar="N", help="1 is the first."),
    ] = None,
    attempts: Annotated[
        int | None, typer.Option(parser=whole_number("--attempts", 1), metavar="N", help="How often to try.")
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--job-id", parser=job_id, metavar="ID", help="The id that the job shall have.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add one job."""
    given = {"delay": delay, "priority": priority, "attempts": attempts, "job_id": id_}
    options = {name: value for name, value in given.items() if value is not None}
    trigger_job(job, data, imports or [], options, as_json=as_json)


def trigger_job(
    name: str, data: str | None, imports: Sequence[str], options: Mapping[str, object], *, as_json: bool
) -> None:
    """Add one job and write its id. Raises InvalidInputError: it has a payload, and none was given."""
    payload = None if data is None else read_payload(data)
    settings = settings_with()
    definition = load_jobs(imports, settings).get(name)
    if data is None and not definition.schema.is_none:
        raise InvalidInputError(f"Job {name!r} has a payload; give it with {_EXAMPLE}.")
    job_id = asyncio.run(_trigger(definition, payload, cast("CallOptions", options), settings))
    if as_json:
        say_json({"id": job_id, "job": definition.id, "queue": definition.queue})
    else:
        say(f"Added job {definition.id} to queue {definition.queue} with id {job_id}")


async def _trigger(
    definition: JobDefinition[object, object], payload: object, options: CallOptions, settings: Settings
) -> str:
    async with JobClient(settings) as client:
        try:
            return (await definition.trigger(payload, client=client, **options)).id
        except PayloadError as error:
            raise PayloadError(error.job, error.problems, "--data") from error


def read_payload(data: str) -> object:
    """Return the JSON value of `--data`. Raises InvalidInputError."""
    text, where = _read(data)
    try:
        value: object = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"{where} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}{_shown(text, error.pos)}. "
            f"For example: {_EXAMPLE}."
        ) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; brackets nested as deep
        raise InvalidInputError(f"{where} can't be read as JSON: {error}.") from error
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON value")  # json.loads takes NaN and Infinity, which no other reader does


def _shown(text: str, position: int) -> str:
    line = text[position:].partition("\n")[0]
    return f", at {line[:_SHOWN]!r}" if line else ""


def _read(data: str) -> tuple[str, str]:
    if not data.startswith("@"):
        return data, "--data"
    if data == "@-":
        return _decoded(sys.stdin.buffer.read(), "standard input"), "Standard input"
    path = Path(data[1:])
    try:
        return _decoded(path.read_bytes(), str(path)), f"File {path}"
    except OSError as error:
        raise InvalidInputError(f"Can't read {path}, which --data names: {error.strerror}.") from error


def _decoded(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")  # with the mark or without it, as Windows writes it
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"Can't read {where}, which --data names: it is not UTF-8.") from error
