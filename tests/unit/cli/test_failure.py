"""Errors of the user on the command line."""

from __future__ import annotations

import pytest
import typer

from midday_worker import ConfigurationError, PayloadError
from midday_worker.cli.failure import MISUSED, one_line_errors, one_line_usage
from midday_worker.errors import FieldProblem


def test_an_error_of_the_library_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    @one_line_errors
    def command() -> None:
        raise ConfigurationError("REDIS_URL is wrong;\n  accepted: another")

    with pytest.raises(typer.Exit) as stopped:
        command()

    assert stopped.value.exit_code == 1
    assert capsys.readouterr().err == "Error: REDIS_URL is wrong; accepted: another\n"


def test_other_errors_are_ours_and_keep_their_traceback() -> None:
    @one_line_errors
    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()


def test_a_command_without_errors_is_itself(capsys: pytest.CaptureFixture[str]) -> None:
    @one_line_errors
    def command(name: str) -> None:
        """Say hello."""
        typer.echo(f"hello {name}")

    command("Ada")

    assert command.__doc__ == "Say hello."
    assert capsys.readouterr() == ("hello Ada\n", "")


def test_a_wrong_payload_is_shown_with_the_value_that_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    @one_line_errors
    def command() -> None:
        raise PayloadError("notify", [FieldProblem("action", "not known", "fax")])

    with pytest.raises(typer.Exit):
        command()

    assert capsys.readouterr().err == "Error: Invalid payload for job 'notify': action: not known (got 'fax')\n"


def test_a_command_line_that_can_not_be_read_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped, one_line_usage("midday-worker"):
        raise typer.BadParameter("not that\none")

    assert stopped.value.code == MISUSED
    assert capsys.readouterr().err == "Error: Invalid value: not that one. See midday-worker --help.\n"


def test_an_options_value_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped, one_line_usage("midday-worker"):
        raise ConfigurationError("--delay is 'soon'")

    assert stopped.value.code == 1
    assert capsys.readouterr().err == "Error: --delay is 'soon'\n"


def test_what_is_no_mistake_of_the_user_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), one_line_usage("midday-worker"):
        raise ZeroDivisionError
