"""``midday-worker contract``: what others go by, written down, and checked against the code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import Progress

from midday_worker.cli.console import OutputConsole
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import Imports, load_jobs, settings_with
from midday_worker.cli.output import AsJson, remark, say, say_json
from midday_worker.cli.preflight import as_record, render_report
from midday_worker.cli.table import write
from midday_worker.cli.values import separated
from midday_worker.client.client import JobClient
from midday_worker.contract.change import NO_SAMPLE, Change
from midday_worker.contract.check import accepted, check, contracts_of
from midday_worker.contract.document import Contract
from midday_worker.contract.folder import ContractFolder
from midday_worker.contract.imported.node_jobs import read_jobs
from midday_worker.contract.imported.python_module import python_module
from midday_worker.contract.preflight import Preflight, Report
from midday_worker.contract.typescript.limited_module import limited_module
from midday_worker.contract.typescript.module import typescript_modules
from midday_worker.definition.registry import JobRegistry
from midday_worker.errors import ContractError
from midday_worker.settings.durations import to_milliseconds

app: Final = typer.Typer(
    help="Write down what Node and Python say to each other, and check the code against it.",
    no_args_is_help=True,
    add_completion=False,
)

Folder = Annotated[Path, typer.Option("--contracts", metavar="DIR", help="Where the contracts are.")]
_FOLDER: Final = Path("contracts")


@app.command()
@one_line_errors
def export(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where they are written.")] = _FOLDER,
    imports: Imports = None,
) -> None:
    """Write each job's contract, and TypeScript types, zod schemas and a producer made of them."""
    registry, packages = _code(imports or [])
    folder = ContractFolder(to)
    known = folder.read() if to.is_dir() else {}
    folder.check_service(known.values(), packages)
    found = check(registry, known, packages[0])
    broken = [change for change in found if change.breaking]
    if broken:
        for change in broken:
            remark(_line(change))
        raise ContractError("Nothing was written: these changes break. Mend them, or: contract check --accept REASON")
    _write(folder, accepted(contracts_of(registry, packages[0]), known, found, ""))


@app.command("check")
@one_line_errors
def check_(
    imports: Imports = None,
    contracts: Folder = _FOLDER,
    accept: Annotated[
        str | None, typer.Option("--accept", metavar="REASON", help="Write the contracts anew, with the reason.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the code against the contracts; exit with 1 if a change breaks something."""
    registry, packages = _code(imports or [])
    folder = ContractFolder(contracts)
    known = folder.read()
    folder.check_service(known.values(), packages)
    found = check(registry, known, packages[0])
    if as_json:
        say_json([_record(change) for change in found], indent=2)
    else:
        for change in found:
            say(_line(change), typer.colors.RED if change.breaking else None)
    broken = sum(change.breaking for change in found)
    if accept is not None:
        if not accept.strip():
            raise ContractError("--accept is empty; accepted: the reason, which is kept in the contract.")
        _write(folder, accepted(contracts_of(registry, packages[0]), known, found, accept.strip()))
    elif not as_json:
        say(_summary(len(known), len(found) - broken, broken, contracts))
    if broken and accept is None:
        raise typer.Exit(1)


@app.command()
@one_line_errors
def preflight(
    imports: Imports = None,
    queues: Annotated[
        list[str] | None,
        typer.Option("--queue", "-q", metavar="QUEUE", callback=separated, help="Look only in this queue. Repeatable."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Read at most so many jobs of each state of each queue.")
    ] = None,
    within: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop after so long, such as 30s; --resume goes on from there.")
    ] = None,
    resume: Annotated[str | None, typer.Option(metavar="PLACE", help="Go on where an earlier one has stopped.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say which stored jobs would fail in this code, without writing; exit with 1 if any would."""
    registry, _ = _code(imports or [])
    within_s = None if within is None else to_milliseconds(within, "--within") / 1000

    async def run() -> Report:
        async with JobClient(settings_with()) as client:
            looking = Preflight(client, registry, queues or (), sample)
            console = OutputConsole()
            with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
                task = bar.add_task("jobs read", total=await looking.count())
                return await looking.run(resume, within_s, lambda done: bar.update(task, completed=done))

    report = asyncio.run(run())
    if as_json:
        say_json(as_record(report), indent=2)
    else:
        write(*render_report(report))
    if report.failing:
        raise typer.Exit(1)


@app.command("import")
@one_line_errors
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the script in Node has written.")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The module that is written.")],
    check_only: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if the module isn't what would be written.")
    ] = False,
) -> None:
    """Declare the jobs that Node runs: payloads, results and job() of zod's JSON Schema."""
    made = python_module(read_jobs(file))
    for each in made.not_carried:
        remark(f"not carried: {each}")
    try:
        same = to.exists() and to.read_text() == made.text
        if not same and not check_only:
            to.write_text(made.text)
    except OSError as error:
        raise ContractError(f"Can't write {to}: {error.strerror}.") from error
    if not same and check_only:
        raise ContractError(f"{to} isn't what {file} says: midday-worker contract import {file} --to {to}")
    say(f"{to} is up to date." if same else f"wrote {to}")


@app.command()
@one_line_errors
def limits() -> None:
    """Print the JavaScript module by which Node's workers keep a queue's limits per key."""
    say(limited_module())


def _code(imports: Sequence[str]) -> tuple[JobRegistry, list[str]]:
    """Return the jobs, and the packages that they are of, the service's first."""
    settings = settings_with()
    registry = load_jobs(imports, settings)
    packages = [name.partition(".")[0] for name in imports or settings.worker_imports]
    if not packages or not len(registry):
        raise ContractError("No jobs. Name the package that defines them: --import my_service.jobs, or WORKER_IMPORTS.")
    return registry, packages


def _write(folder: ContractFolder, contracts: Sequence[Contract]) -> None:
    made = typescript_modules({contract.job: contract for contract in contracts})
    changed = folder.write(contracts, made.texts)
    for name in changed:
        say(f"wrote {folder.path / name}" if (folder.path / name).exists() else f"removed {folder.path / name}")
    if not changed:
        say(f"{folder.path} is up to date.")
    for contract in contracts:
        for each in contract.not_expressed:
            remark(f"{contract.job}: not expressed in JSON Schema: {each}")
        for each in made.missing[contract.job]:
            remark(f"{contract.job}: not expressed in zod: {each}")


def _summary(known: int, safe: int, broken: int, folder: Path) -> str:
    if not safe and not broken:
        return f"{known} contracts, nothing has changed."
    if broken:
        return f"{broken} breaking, {safe} safe."
    return f"All {safe} changes are safe. Write them down: midday-worker contract export --to {folder}"


def _line(change: Change) -> str:
    place = f"{change.job}: {change.side}{f' {change.path}' if change.path else ''}"
    lines = [f"{'BREAKS' if change.breaking else 'safe'}  {place}: {change.rule} ({change.text})"]
    if change.advice:
        lines.append(change.advice)
    if change.sample is not NO_SAMPLE:
        lines.append(f"For example: {json.dumps(change.sample, sort_keys=True)}")
    return "\n".join(lines)


def _record(change: Change) -> dict[str, object]:
    record = asdict(change)
    if change.sample is NO_SAMPLE:
        del record["sample"]
    return record
