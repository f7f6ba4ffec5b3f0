"""What a command writes: where it can't be written, and that there is one way for it."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import partial
from io import UnsupportedOperation
from pathlib import Path

import pytest
import typer
from rich.text import Text

from midday_worker.cli.console import OutputConsole
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.output import OutputError, remark, say
from midday_worker.cli.table import add_row, table, write

ROOT = Path(__file__).parents[3] / "midday_worker"
FULL = Path("/dev/full")


class Broken:
    """A stream whose reader has gone."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self) -> None:
        """Do nothing."""

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        raise UnsupportedOperation


def test_all_that_a_command_writes_goes_one_way() -> None:
    """Whoever prints by another way prints what others have written raw."""
    own = {"cli/output.py", "cli/console.py"}
    calls = {
        (path.relative_to(ROOT).as_posix(), node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id)
        for folder in ("cli", "demo")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    }
    names = {"echo", "secho", "confirm", "prompt", "Console", "write", "print"}
    by_others = {(path, name) for path, name in calls if name in names and path not in own}
    # The demo is given its console; `write` is the table's.
    assert {each for each in by_others if each[1] not in ("print", "write") and not each[0].startswith("demo")} == set()
    assert {path for path, name in by_others if name == "print"} <= {
        *("cli/table.py", "cli/commands/watch.py", "demo/progress.py", "demo/report.py", "demo/show.py")
    }


def test_a_reader_that_has_seen_enough_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken())
    for words in (partial(say, "hello"), partial(write, "hello")):
        with pytest.raises(OutputError):
            words()
        with pytest.raises(typer.Exit) as stopped:
            one_line_errors(words)()
        assert stopped.value.exit_code == 0
    assert capsys.readouterr().err == ""


def test_words_beside_the_answer_that_can_not_be_written_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Broken())
    remark("hello", "red")


@pytest.mark.parametrize("command", [["--help"], ["jobs"], ["--version"]])
@pytest.mark.process
def test_output_that_can_not_be_written_is_said_in_one_line(command: list[str]) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "midday_worker", *command], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (1, "Error: Can't write to standard output: No space left on device.\n")


@pytest.mark.parametrize("command", ["--help", "--version"])
@pytest.mark.process
def test_help_behind_which_somebody_has_seen_enough_is_no_error(command: str) -> None:
    whole = f"set -o pipefail; {sys.executable} -m midday_worker {command} | true"
    done = subprocess.run(["bash", "-c", whole], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_colours_that_are_asked_for_survive_and_others_do_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    shown = table("name")
    add_row(shown, Text("\x1b]0;x[bold]", "red"))
    write(shown, "\x9b31m\u202e")
    OutputConsole(highlight=True).print("[red]17")
    written = capsys.readouterr().out
    assert "\x1b[31m\\x1b]0;x[bold]\x1b[0m" in written
    assert "\\x9b31m\\u202e\n" in written
    assert "\x1b[1;36m17\x1b[0m" in written
    assert "[red]" in written.replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_a_text_of_many_lines_can_not_forge_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    say("no seat\nCompleted: 4")
    remark("no seat\nError: none")
    assert capsys.readouterr() == ("no seat\n    Completed: 4\n", "no seat\n    Error: none\n")
