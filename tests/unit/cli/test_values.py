"""The values of options, as the command line reads them."""

from __future__ import annotations

import pytest
from typer import Context

from midday_worker import ConfigurationError
from midday_worker.cli.app import load
from midday_worker.cli.values import duration, job_id, separated, whole_number


@pytest.mark.parametrize(("text", "ms"), [("0", 0), ("5000", 5_000), ("5s", 5_000), ("1h30m", 5_400_000)])
def test_a_duration_is_milliseconds_or_a_text(text: str, ms: int) -> None:
    assert duration("--delay")(text) == ms


@pytest.mark.parametrize("text", ["", "soon", "-5", "5 parsecs", "9" * 30])
def test_what_is_no_duration_is_refused_with_the_option(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^--delay is '{text}'; accepted: milliseconds, or a text"):
        duration("--delay")(text)


def test_a_whole_number_has_bounds() -> None:
    read = whole_number("--priority", 0, 9)

    assert [read("0"), read("9")] == [0, 9]
    for text in ("-1", "10", "1.5", "high", ""):
        with pytest.raises(ConfigurationError, match=f"^--priority is '{text}'; accepted: a whole number from 0 to 9"):
            read(text)


def test_an_id_follows_nodes_rules() -> None:
    assert job_id("mail-u1") == "mail-u1"
    with pytest.raises(ConfigurationError, match=r"^--job-id is 'a:b'; accepted: a non-empty text"):
        job_id("a:b")


@pytest.mark.parametrize(
    ("given", "names"),
    [(None, None), ([], []), (["a"], ["a"]), (["a", "b"], ["a", "b"]), (["a,b", "c , d,"], ["a", "b", "c", "d"])],
)
def test_names_are_separated_by_commas(given: list[str] | None, names: list[str] | None) -> None:
    assert separated(given) == names


@pytest.mark.parametrize("command", ["run", "dev", "jobs", "trigger", "watch", "dashboard", "doctor"])
def test_every_import_takes_names_with_commas_between(command: str) -> None:
    loaded = load(command)
    [option] = [each for each in loaded.params if each.name == "imports"]
    assert option.process_value(Context(loaded), ["a,b", "c"]) == ["a", "b", "c"]
