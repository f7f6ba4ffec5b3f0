"""Logs: their two forms, what is routed into them, and what never stands in them."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from loguru import logger

from midday_worker.settings.logs import InterceptHandler, configure_logging, job_logger
from midday_worker.settings.settings import Settings

ROUTED = ("bullmq.worker", "sqlalchemy", "sqlalchemy.engine.Engine", "aiosqlite", "asyncio", "somebody.else")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Leave the root logger and loguru as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ROUTED:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logger.remove()
    logger.configure(extra={})
    logger.configure(patcher=lambda _: None)


def configured(**values: object) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(Settings(env_file=None, **values), stream)
    return stream


def only_line(stream: io.StringIO) -> dict[str, object]:
    [line] = stream.getvalue().splitlines()
    return cast("dict[str, object]", json.loads(line))


@pytest.mark.parametrize(
    ("values", "is_json"),
    [
        ({}, False),
        ({"environment": "staging"}, True),
        ({"environment": "production"}, True),
        ({"environment": "production", "log_format": "pretty"}, False),
        ({"environment": "development", "log_format": "json"}, True),
    ],
)
def test_lines_are_pretty_in_development_and_json_elsewhere_unless_told(
    values: dict[str, object], is_json: bool
) -> None:
    stream = configured(**values)
    logger.info("hello")
    assert stream.getvalue().startswith("{") is is_json
    assert stream.getvalue().count("\n") == 1


def test_a_json_line_has_time_level_logger_message_and_the_job() -> None:
    stream = configured(log_format="json")
    job_logger(job_id="7", job="send-mail", queue="emails", attempt=2).warning("slow: {seconds} s", seconds=3)
    line = only_line(stream)
    written = datetime.fromisoformat(cast("str", line.pop("timestamp")))
    assert written.tzinfo == UTC
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)
    assert line == {
        "level": "WARNING",
        "message": "slow: 3 s",
        "logger": __name__,
        "job_id": "7",
        "job": "send-mail",
        "queue": "emails",
        "attempt": 2,
        "extra": {"seconds": 3},
    }


def test_a_pretty_line_names_the_job() -> None:
    stream = configured()
    job_logger(job_id="7", job="send-mail", queue="emails", attempt=2).info("sent")
    assert stream.getvalue().endswith(f"INFO     {__name__} send-mail 7 sent\n")


@pytest.mark.parametrize(("form", "end"), [("pretty", f"#3 {__name__} hello"), ("json", '"worker_process": 3}')])
def test_each_line_of_a_service_of_several_processes_says_which_it_is_from(form: str, end: str) -> None:
    stream = io.StringIO()
    configure_logging(Settings.model_construct(log_format=form), stream, process=3)
    logger.info("hello")
    assert stream.getvalue().strip().endswith(end)


@pytest.mark.parametrize(("stream", "coloured"), [(Terminal(), True), (io.StringIO(), False)])
def test_only_a_terminal_gets_colours(stream: io.StringIO, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "" if coloured else "1")
    configure_logging(Settings(env_file=None), stream)
    logger.info("hello")
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_markup_and_braces_in_a_message_are_only_text() -> None:
    stream = configured()
    job_logger(job_id="<red>", job="{job}", queue="q", attempt=1).info("<b>{data}</b>", data="{0} <red>")
    assert stream.getvalue().endswith("{job} <red> <b>{0} <red></b>\n")


def test_logs_go_to_standard_error_so_that_output_stays_clean(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(env_file=None))
    logger.info("hello")
    captured = capsys.readouterr()
    assert (captured.out, captured.err.endswith("hello\n")) == ("", True)


@pytest.mark.parametrize(("level", "seen"), [("DEBUG", ["debug", "info", "error"]), ("ERROR", ["error"])])
def test_lines_below_the_level_are_left_out_whoever_writes_them(level: str, seen: list[str]) -> None:
    stream = configured(log_format="json", log_level=level)
    for log in (logger, logging.getLogger("somebody.else")):
        log.debug("debug")
        log.info("info")
        log.error("error")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == seen + seen


def test_configuring_again_replaces_the_first_time() -> None:
    first = configured(log_format="json")
    second = configured(log_format="json")
    logger.info("from loguru")
    logging.getLogger("somebody.else").warning("from logging")
    assert first.getvalue() == ""
    assert second.getvalue().count("\n") == 2
    assert [type(handler) for handler in logging.getLogger().handlers] == [InterceptHandler]


def test_the_standard_librarys_loggers_are_routed_in_under_their_names() -> None:
    stream = configured(log_format="json")
    logging.getLogger("bullmq.worker").error("can't {%s} 100%% of %d", "brace", 3)
    line = only_line(stream)
    assert (line["logger"], line["level"], line["message"]) == ("bullmq.worker", "ERROR", "can't {brace} 100% of 3")


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Nameless(Unspeakable):
    def __repr__(self) -> str:
        raise RuntimeError("no text either")


@pytest.mark.parametrize(
    ("message", "args", "shown"),
    [
        ("%d in %s", ("x",), "'%d in %s' can't be formatted with ('x',) (TypeError)"),
        ("%d", ("x",), "'%d' can't be formatted with ('x',) (TypeError)"),
        ("none", (1, 2), "'none' can't be formatted with (1, 2) (TypeError)"),
        ("%(a)s", ({"b": 1},), "'%(a)s' can't be formatted with {'b': 1} (KeyError)"),
        ("%y", (1,), "'%y' can't be formatted with (1,) (ValueError)"),
        ("%s", (Unspeakable(),), "'%s' can't be formatted with (<"),
        (Unspeakable(), (), "Unspeakable object at "),
    ],
)
def test_a_malformed_call_of_the_standard_library_is_logged_and_does_not_raise(
    message: object, args: tuple[object, ...], shown: str
) -> None:
    stream = configured(log_format="json")

    logging.getLogger("somebody.else").warning(message, *args)

    line = only_line(stream)
    assert (line["level"], line["logger"]) == ("WARNING", "somebody.else")
    assert shown in str(line["message"])


def test_a_call_that_can_not_be_logged_at_all_does_not_raise_either(capsys: pytest.CaptureFixture[str]) -> None:
    configured(log_format="json")

    logging.getLogger("somebody.else").warning("%s", Nameless())

    assert "--- Logging error ---" in capsys.readouterr().err


def test_a_level_that_loguru_does_not_know_is_kept_as_a_number() -> None:
    stream = configured(log_format="json")
    logging.getLogger("somebody.else").log(35, "between")
    assert only_line(stream)["level"] == "Level 35"


def test_an_exception_that_the_standard_library_logs_keeps_its_traceback() -> None:
    stream = configured(log_format="json")
    try:
        raise ValueError("wrong order")
    except ValueError:
        logging.getLogger("somebody.else").exception("failed")
    line = only_line(stream)
    assert line["message"] == "failed"
    assert str(line["exception"]).startswith("Traceback ")
    assert str(line["exception"]).endswith("ValueError: wrong order\n")


@pytest.mark.process
def test_warnings_are_routed_in() -> None:
    # A process of its own: pytest catches warnings before they get anywhere.
    script = (
        "import warnings\n"
        "from midday_worker.settings.logs import configure_logging\n"
        "from midday_worker.settings.settings import Settings\n"
        "configure_logging(Settings(env_file=None, log_format='json'))\n"
        "warnings.warn('old habit', UserWarning)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    line = cast("dict[str, object]", json.loads(done.stderr))
    assert (line["logger"], line["level"]) == ("py.warnings", "WARNING")
    assert "UserWarning: old habit" in str(line["message"])


@pytest.mark.parametrize("log_format", ["pretty", "json"])
@pytest.mark.parametrize("environment", ["development", "production"])
def test_an_exception_is_written_with_its_cause_but_without_the_values_of_variables(
    log_format: str, environment: str
) -> None:
    stream = configured(log_format=log_format, environment=environment)
    payload = f"{'card'}-4111"
    try:
        try:
            raise KeyError(len(payload))
        except KeyError as error:
            raise ValueError("wrong order") from error
    except ValueError:
        logger.exception("failed")
    text = stream.getvalue()
    assert "ValueError: wrong order" in text
    assert "KeyError: 9" in text
    assert "direct cause" in text
    assert "card-4111" not in text


@pytest.mark.parametrize(
    ("environment", "log_payloads", "shown"),
    [("development", True, True), ("development", False, False), ("production", True, False)],
)
def test_the_values_of_variables_are_shown_only_to_a_developer_who_asked(
    environment: str, log_payloads: bool, shown: bool
) -> None:
    stream = configured(log_format="pretty", environment=environment, log_payloads=log_payloads)
    payload = f"{'card'}-4111"
    try:
        int(payload[:4])
    except ValueError:
        logger.exception("failed")
    assert ("card-4111" in stream.getvalue()) is shown


@pytest.mark.parametrize("log_format", ["pretty", "json"])
def test_passwords_in_urls_are_hidden_in_messages_fields_and_exceptions(log_format: str) -> None:
    stream = configured(log_format=log_format)
    url = "redis://user:secret@cache:6379/0"
    logger.bind(nested={"urls": [url, {url}]}).info("connecting to {url}", url=url)
    logging.getLogger("bullmq.worker").error("lost %s", url)
    try:
        raise ConnectionError(f"can't connect to {url}")
    except ConnectionError:
        logger.exception("failed")
    assert "secret" not in stream.getvalue()
    assert stream.getvalue().count("redis://user:***@cache:6379/0") >= 3


def test_a_sink_of_the_users_own_gets_messages_without_passwords_too() -> None:
    configured()
    seen: list[str] = []
    logger.add(seen.append, format="{message}")
    logger.info("redis://:secret@cache")
    assert seen == ["redis://:***@cache\n"]


@pytest.mark.parametrize(("log_payloads", "level"), [(False, logging.WARNING), (True, logging.DEBUG)])
def test_sql_with_its_values_is_logged_only_when_payloads_may_be(log_payloads: bool, level: int) -> None:
    configured(log_level="DEBUG", log_payloads=log_payloads)
    for name in ("sqlalchemy.engine.Engine", "aiosqlite"):
        assert logging.getLogger(name).getEffectiveLevel() == level


def test_a_field_of_any_type_makes_a_valid_line() -> None:
    stream = configured(log_format="json")
    loop: list[object] = []
    loop.append(loop)
    fields: dict[str, object] = {
        "nan": float("nan"),
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "loop": loop,
        "keys": {1: None, (2, 3): True},
        "text": "\ud800\n",
        "number": 1.5,
    }
    logger.bind(**fields).info("odd")
    extra = cast("dict[str, object]", only_line(stream)["extra"])
    assert extra["nan"] == "nan"
    assert extra["when"] == "2026-01-02 00:00:00+00:00"
    assert extra["keys"] == {"1": None, "(2, 3)": True}
    assert extra["number"] == 1.5


@pytest.mark.process
def test_importing_the_library_leaves_logging_alone() -> None:
    script = (
        "import logging, loguru, warnings\n"
        "before = (repr(loguru.logger), logging.root.handlers[:], logging.root.level, warnings.showwarning)\n"
        "import midday_worker\n"
        "from midday_worker import *\n"
        "import midday_worker.settings.logs\n"
        "assert before == (repr(loguru.logger), logging.root.handlers, logging.root.level, warnings.showwarning)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


HOSTILE = "a\x1b]0;owned\x07\x1b[8m\x9b31m\x85\u2028\u202e\r\n12:00:00.000 ERROR    forged"


class Gone(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def log_hostile_text() -> None:
    job_logger(job_id=HOSTILE, job=HOSTILE, queue=HOSTILE, attempt=1).info("{text}", text=HOSTILE)
    logging.getLogger(HOSTILE).warning(HOSTILE)
    try:
        try:
            raise KeyError(HOSTILE)
        except KeyError as error:
            error.add_note(HOSTILE)
            raise ExceptionGroup(HOSTILE, [ValueError(HOSTILE)]) from error
    except ExceptionGroup:
        logger.exception(HOSTILE)


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
@pytest.mark.parametrize("log_payloads", [True, False])
def test_a_pretty_line_holds_nothing_that_a_terminal_obeys_and_no_forged_lines(
    kind: type[io.StringIO], log_payloads: bool
) -> None:
    stream = kind()
    configure_logging(Settings(env_file=None, log_format="pretty", log_payloads=log_payloads), stream)
    log_hostile_text()
    bare = re.sub(r"\x1b\[(?!8m)[0-9;]*m", "", stream.getvalue())
    assert {char for char in bare if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")} == set()
    assert [line for line in bare.splitlines() if line.startswith("12:00") or "forged" in line[:30]] == [
        line for line in bare.splitlines() if line.startswith("    ") and "forged" in line[:30]
    ]
    assert len([line for line in bare.splitlines() if line and not line.startswith("    ")]) == 3


def test_a_traceback_on_a_terminal_keeps_its_colours() -> None:
    stream = Terminal()
    configure_logging(Settings(env_file=None, log_format="pretty"), stream)
    try:
        raise ValueError("wrong order")
    except ValueError:
        logger.exception("failed")
    assert re.search(r"\x1b\[[0-9;]*mwrong order|\x1b\[[0-9;]*m wrong order", stream.getvalue())


def test_a_json_line_is_one_line_of_ascii_whatever_it_holds() -> None:
    stream = configured(log_format="json")
    log_hostile_text()
    assert stream.getvalue().isascii()
    lines = [json.loads(line) for line in stream.getvalue().split("\n") if line]
    assert lines[0]["job_id"] == lines[0]["message"] == HOSTILE


@pytest.mark.parametrize("log_format", ["pretty", "json"])
def test_a_line_that_can_not_be_written_is_lost(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings.model_construct(log_format=log_format), Gone())
    logger.info("hello")
    assert capsys.readouterr().err == ""
