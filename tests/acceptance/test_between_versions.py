"""This version and an older one on one queue: what travels in options and keys is understood by both."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import cast

import pytest

from midday_worker import JobClient
from tests.acceptance.command import Command
from tests.acceptance.conftest import ROOT
from tests.deadline import eventually

OLDER = "b671879"
"""The last commit before the package was given its rooms: no version has been released yet."""
PROGRAM = Path(__file__).with_name("between_versions.py")
ENDS = {
    "at-once": 3,
    "tried-again": 3,
    "told-when": 3,
    "all-of-it": 12,
    "handed-back": 3,
    "too-long": "Job 'too-long' took longer than its timeout of 8000 ms",
    "cancelled": "cancelled: no longer wanted",
}
ATTEMPTS = {
    "at-once": ([0],),
    "tried-again": ([0, 1],),
    "told-when": ([0, 1],),
    "all-of-it": ([0],),
    "handed-back": ([0], [0, 0]),  # that of the worker that is replaced begins anew
    "too-long": ([0], [0, 0]),
    "cancelled": ([0], [0, 0]),
}


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as it was, out of the project's history."""
    folder = tmp_path_factory.mktemp("older")
    packed = subprocess.run(["git", "archive", OLDER, "midday_worker"], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Deployment:
    """The two versions in one folder."""

    def __init__(self, command: Command, older: Path) -> None:
        self.command = command
        self.ledger = command.folder / "ledger"
        self._paths = {"older": str(older), "this": str(ROOT)}
        shutil.copy(PROGRAM, command.folder)
        command.environment["LEDGER"] = str(self.ledger)

    def of(self, version: str) -> dict[str, str]:
        """Return the environment of a process of a version."""
        return {"PYTHONPATH": self._paths[version], "VERSION": version}

    async def produce(self, version: str, *arguments: str) -> object:
        """Run the program of a version and return what it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            PROGRAM.name,
            *arguments,
            cwd=self.command.folder,
            env={"PATH": os.environ["PATH"], **self.command.environment, **self.of(version)},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0
        return cast("object", json.loads(said))

    def runs(self) -> list[tuple[str, int, str]]:
        """Return what each attempt wrote down as it began: its job's id, the attempts made before, the version."""
        return [json.loads(line) for line in self.ledger.read_text().splitlines()] if self.ledger.exists() else []


@pytest.mark.parametrize(("first", "second"), [("older", "this"), ("this", "older")])
async def test_a_rolling_deploy_between_versions_runs_each_job_as_often_as_it_should(
    command: Command, older: Path, client: JobClient, first: str, second: str
) -> None:
    deployment = Deployment(command, older)
    options = ("--import", "between_versions", "--drain-timeout", "100ms")
    replaced = await command.start("run", *options, **deployment.of(first), HOLDS="1")
    await replaced.until("each-second")
    added = cast("list[tuple[str, str]]", await deployment.produce(first, "add"))
    ids = {job_id: name for name, job_id in added}

    async def all_have_begun() -> bool:
        begun = {ids.get(job_id) for job_id, *_ in deployment.runs()}
        return {"handed-back", "cancelled", "tried-again", "told-when"} <= begun

    await eventually(all_have_begun, "what is to outlive its worker has begun")
    replacing = await command.start("run", *options, **deployment.of(second))
    await replacing.until("each-second")
    more = cast("list[tuple[str, str]]", await deployment.produce(second, "add"))
    replaced.signal(signal.SIGTERM)
    assert await replaced.end() == 1  # it has handed jobs back
    ends = [
        cast("list[list[object]]", await deployment.produce(version, "finish", json.dumps(jobs)))
        for version, jobs in ((first, added), (second, more))
    ]
    replacing.signal(signal.SIGTERM)
    assert await replacing.end() == 0

    assert ends == [[[name, ENDS[name]] for name, _ in jobs] for jobs in (added, more)]
    runs = deployment.runs()
    assert {version for *_, version in runs} == {"older", "this"}
    attempts = {job_id: [made for of, made, _ in runs if of == job_id] for job_id, *_ in runs}
    assert [
        (name, attempts[job_id]) for name, job_id in (*added, *more) if attempts[job_id] not in ATTEMPTS[name]
    ] == []
    assert ["handed-back", [0, 0]] in [[name, attempts[job_id]] for name, job_id in added]
    of_clock = [job_id for job_id, *_ in runs if job_id.startswith("repeat:clock:")]
    first_run, last_run = (int(of_clock[at].rpartition(":")[2]) for at in (0, -1))
    assert of_clock == [f"repeat:clock:{at}" for at in range(first_run, last_run + 1, 1000)]
    assert len(of_clock) > 3
