"""Every command, where all that it reads was written by somebody else: nothing of it reaches the terminal raw."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from midday_worker.cli.app import COMMANDS as LISTED
from midday_worker.cli.app import ON_QUEUES, load
from midday_worker.outbox.table import outbox_statements
from tests.integration.cli.hostile_queue import FORGED, HOSTILE, ID, PLAIN, QUEUE, fill
from tests.integration.cli.terminal import Terminal, Written

COMMANDS: Final[dict[str, list[tuple[str, ...]]]] = {
    "jobs": [()],
    "trigger": [("send-mails", "-d", '"x"', "--job-id", "8"), (HOSTILE,), ("send-mails", "-d", HOSTILE)],
    "watch": [
        *[(f"{ID}completed", "-q", PLAIN), (f"{ID}failed", "-q", PLAIN), (ID,), (ID, "--job", HOSTILE)],
        *[(f"{ID}wait", "-q", QUEUE), (f"{ID}failed",)],
    ],
    "cancel": [(f"{ID}delayed", "-q", PLAIN), (f"{ID}active", "-q", QUEUE), (ID,), (ID, "-q", HOSTILE)],
    "health": [()],
    "queues": [("--once",)],
    "queue show": [(QUEUE,), (PLAIN,), (HOSTILE,)],
    "queue pause": [(QUEUE,)],
    "queue resume": [(QUEUE,)],
    "queue drain": [(QUEUE, "--dry-run"), (QUEUE,), (QUEUE, "-y")],
    "queue clean": [(QUEUE, "--state", "failed", "--dry-run"), (QUEUE, "-y"), (QUEUE, "--state", HOSTILE)],
    "queue concurrency": [(QUEUE, "3"), (QUEUE, HOSTILE)],
    "queue limit": [(QUEUE, HOSTILE, HOSTILE, "3"), (PLAIN, HOSTILE, HOSTILE, "none"), (QUEUE, "team", "a", HOSTILE)],
    "queue rate-limit": [(QUEUE, "3", "1s"), (QUEUE, "none"), (QUEUE, "3", HOSTILE)],
    "job show": [(f"{ID}{state}", "-q", PLAIN) for state in ("failed", "waiting-children", "completed")] + [(ID,)],
    "job logs": [(f"{ID}failed", "-q", PLAIN), (ID, "-q", PLAIN)],
    "job retry": [(f"{ID}completed", "-q", PLAIN), (f"{ID}wait", "-q", QUEUE)],
    "job promote": [(f"{ID}delayed", "-q", QUEUE), (f"{ID}failed", "-q", PLAIN)],
    "job remove": [(f"{ID}prioritized", "-q", PLAIN, "--dry-run"), (f"{ID}failed", "-q", QUEUE, "-y")],
    "failed": [(), ("-q", PLAIN)],
    "retry": [("--dry-run",), ("--job", HOSTILE), ("-q", PLAIN, "-y")],
    "schedules list": [()],
    "schedules diff": [(), ("-i", HOSTILE)],
    "schedules sync": [("--dry-run",), ("-i", HOSTILE, "--dry-run")],
    "schedules run": [(ID, "-q", QUEUE), (HOSTILE,), (ID,)],
    "schedules remove": [(ID, "-q", PLAIN, "--dry-run"), (ID, "-q", QUEUE, "-y")],
    "workers": [()],
    "contract export": [("--to", HOSTILE, "-i", HOSTILE)],
    "contract check": [("--contracts", HOSTILE), ("-i", HOSTILE)],
    "contract import": [(HOSTILE, "--to", HOSTILE)],
    "contract limits": [()],
    "contract preflight": [(), ("-q", HOSTILE), ("-i", HOSTILE), ("--resume", HOSTILE), ("--within", HOSTILE)],
    "outbox init": [("--sql",), ()],
    "outbox status": [()],
    "outbox replay": [("--since", "1h", "--dry-run"), ("--since", HOSTILE)],
    "doctor": [(), ("-i", "tests.integration.cli.other_jobs"), ("-i", HOSTILE)],
}
"""What is typed. The looks come before the acts, which change what there is to be seen."""

SERVICES: Final = {"run", "dev", "demo", "dashboard"}
"""They write a log, which has a test of its own."""

COLOUR: Final = re.compile(r"\x1b\[(?:(?!8m|38;5;213m)[0-9;]*m|\?25[lh]|1A|2K)|\r(?=\x1b\[(?:2K|1A))")
"""What rich writes, a bar's hidden cursor and its line among it; what the hostile text holds is none of it."""


@pytest.fixture(params=["terminal", pytest.param("pipe", marks=pytest.mark.long)])
def terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path: Path
) -> Terminal:
    """Both without colours and with them."""
    if request.param == "terminal":
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("WORKER_IMPORTS", "tests.integration.cli.other_jobs")
    terminal.with_client(fill)
    monkeypatch.setenv("DATABASE_PRIMARY_URL", f"sqlite:///{tmp_path}/outbox.db")
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as database, database:
        for statement in outbox_statements("sqlite"):
            database.execute(statement)
        row = "INSERT INTO midday_outbox (created_ms, jobs, failures, error) VALUES (1, '', 1, ?)"
        database.execute(row, [HOSTILE + FORGED])
    return terminal


def names() -> Iterator[str]:
    """Every command, groups left out."""
    waiting: list[tuple[str, object]] = [(name, load(name)) for name in (*LISTED, *ON_QUEUES)]
    while waiting:
        path, command = waiting.pop()
        commands: dict[str, object] = getattr(command, "commands", {})
        waiting += [(f"{path} {name}", sub) for name, sub in commands.items()]
        if not commands:
            yield path


def test_no_command_is_left_out() -> None:
    assert {*names()} == {*COMMANDS} | SERVICES


def test_nothing_that_others_have_written_commands_a_terminal(terminal: Terminal) -> None:
    faults: list[str] = []
    for name, lines in COMMANDS.items():
        for line in lines:
            written = terminal.run(*name.split(), *line)
            faults += [f"{name} {line}: {fault}" for fault in faults_of(written)]
    assert faults == []


def faults_of(written: Written) -> Iterator[str]:
    """What reached the terminal that shouldn't have, a traceback among it."""
    text = COLOUR.sub("", written.out + written.err)
    if "Traceback (most" in text:
        yield text
    raw = {char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs")}
    if raw:
        yield repr(raw)
    if FORGED in text:
        yield "a forged line"
    shown = "".join(text.split())  # folded by a terminal's width
    if "there[" in shown and "[link=http" not in shown:
        yield "markup was taken for ours"
