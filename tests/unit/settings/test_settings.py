"""Settings: where they come from, what is refused, and that secrets stay hidden."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

import midday_worker
from midday_worker.errors import ConfigurationError
from midday_worker.settings.settings import Settings, load_settings, variable_of

EXAMPLE = Path(__file__).parents[3] / ".env.example"
PACKAGE = Path(midday_worker.__file__).parent
VARIABLES = {variable_of(field) for field in Settings.model_fields}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting in the environment, and no `.env` in the working directory."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


def test_env_example_has_every_setting_and_nothing_else() -> None:
    assert list(dotenv_values(EXAMPLE)) == [variable_of(field) for field in Settings.model_fields]


def test_env_example_has_the_defaults() -> None:
    assert load_settings(env_file=EXAMPLE) == Settings()


def test_env_example_explains_each_setting_as_its_field_does() -> None:
    lines = EXAMPLE.read_text().splitlines()
    explained = {line.partition("=")[0]: above for above, line in pairwise(lines) if "=" in line}
    assert explained == {variable_of(name): f"# {field.description}" for name, field in Settings.model_fields.items()}


def test_each_variable_of_env_example_is_read(tmp_path: Path) -> None:
    for variable in dotenv_values(EXAMPLE):
        (tmp_path / ".env").write_text(f"{variable}=?")
        unchecked = {
            "REDIS_PREFIX": "redis_prefix",
            "WORKER_IMPORTS": "worker_imports",
            "WORKER_QUEUES": "worker_queues",
            "BOARD_USERNAME": "board_username",
            "BOARD_HOSTS": "board_hosts",
        }
        if variable in unchecked:
            assert "?" in getattr(load_settings(), unchecked[variable])
        elif variable in ("BOARD_PASSWORD", "BOARD_TOKEN"):
            secret = load_settings().board_password or load_settings().board_token
            assert secret is not None
            assert secret.get_secret_value() == "?"
        else:
            with pytest.raises(ConfigurationError, match=f"^{variable} is '\\?' \\(from .env\\); "):
                load_settings()


def test_the_environment_goes_before_the_file_and_options_before_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("WORKER_CONCURRENCY=2\nREDIS_PREFIX=file\nLOG_LEVEL=debug\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("WORKER_CONCURRENCY", "3")
    monkeypatch.setenv("REDIS_PREFIX", "environment")
    settings = load_settings(concurrency=4)
    assert (settings.concurrency, settings.redis_prefix, settings.log_level) == (4, "environment", "DEBUG")


def test_an_option_that_is_none_is_as_if_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_CONCURRENCY", "3")
    assert load_settings(concurrency=None).concurrency == 3


def test_a_variable_named_as_a_field_but_not_as_its_alias_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCURRENCY", "3")
    assert load_settings().concurrency == 5


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")
    assert load_settings() == Settings(env_file=None)


def test_names_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_IMPORTS", " billing.jobs, mail.jobs ,")
    assert load_settings(worker_queues=["emails"]).worker_imports == ("billing.jobs", "mail.jobs")
    assert load_settings(worker_queues=["emails"]).worker_queues == ("emails",)


@pytest.mark.parametrize("given", ["90s", "1m30s", "90000", 90_000, timedelta(seconds=90)])
def test_times_are_milliseconds_or_durations(given: object) -> None:
    assert load_settings(drain_timeout=given).drain_timeout == 90_000


def test_a_startup_timeout_of_zero_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_STARTUP_TIMEOUT", "0")
    assert load_settings().startup_timeout == 0


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "ENVIRONMENT",
            "prod",
            "ENVIRONMENT is 'prod' (from the environment); input should be 'development', 'staging' or 'production'.",
        ),
        (
            "WORKER_CONCURRENCY",
            "many",
            "WORKER_CONCURRENCY is 'many' (from the environment); accepted: a whole number.",
        ),
        (
            "WORKER_CONCURRENCY",
            "0",
            "WORKER_CONCURRENCY is '0' (from the environment); input should be greater than or equal to 1.",
        ),
        ("LOG_PAYLOADS", "perhaps", "LOG_PAYLOADS is 'perhaps' (from the environment); accepted: true or false."),
        (
            "WORKER_DRAIN_TIMEOUT",
            "5 parsecs",
            "WORKER_DRAIN_TIMEOUT is '5 parsecs' (from the environment); "
            'accepted: milliseconds, or a text such as "500ms", "5s", "1h30m".',
        ),
        (
            "REDIS_COMMAND_TIMEOUT",
            "0",
            "REDIS_COMMAND_TIMEOUT is 0 (from the environment); input should be greater than 0.",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_variable_its_origin_and_what_is_accepted(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value) == message


def test_a_wrong_option_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_CONCURRENCY", "7")
    with pytest.raises(ConfigurationError, match=r"^WORKER_CONCURRENCY is -1 \(given as an option\); "):
        load_settings(concurrency=-1)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"LOG_LEVEL is 'LOUD'.* LOG_FORMAT is 'xml'"):
        load_settings(log_level="loud", log_format="xml")


@pytest.mark.parametrize("variable", ["REDIS_URL", "DATABASE_PRIMARY_URL"])
@pytest.mark.parametrize("url", ["mysql://user:secret@db:3306/app", "redis://user:se#cret@h", ":secret@localhost:1"])
def test_a_wrong_url_is_refused_with_its_password_hidden(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, url)
    with pytest.raises(
        ConfigurationError, match=rf"^{variable} is .*\*\*\*.* \(from the environment\); accepted: "
    ) as caught:
        load_settings()
    assert "cret" not in str(caught.value)


def test_a_url_in_a_place_for_something_else_has_its_password_hidden() -> None:
    with pytest.raises(ConfigurationError, match=r"WORKER_HTTP is 'redis://u:\*\*\*@h' ") as caught:
        load_settings(http="redis://u:secret@h")
    assert "secret" not in str(caught.value)


def test_what_is_no_url_is_shown_as_it_was_written() -> None:
    with pytest.raises(ConfigurationError, match=r"WORKER_HTTP is '127.0.0.1:web' "):
        load_settings(http="127.0.0.1:web")
    with pytest.raises(ConfigurationError, match=r"REDIS_URL is '\*\*\*' "):
        load_settings(redis_url="user:secret")


def test_a_secret_given_as_an_option_is_hidden_in_the_error_too() -> None:
    with pytest.raises(ConfigurationError, match=r"REDIS_URL is 'http://u:\*\*\*@h'"):
        load_settings(redis_url=SecretStr("http://u:secret@h"))


def test_a_url_of_another_type_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"REDIS_URL is 6379 \(given as an option\); input should be a valid s"
    ):
        load_settings(redis_url=6379)


def test_urls_never_show_in_repr_str_or_json() -> None:
    settings = load_settings(
        redis_url="redis://u:secret@localhost", database_primary_url="postgresql://u:secret@localhost/app"
    )
    assert "secret" not in f"{settings!r}{settings}{settings.model_dump_json()}"
    assert settings.redis_url.get_secret_value() == "redis://u:secret@localhost"


def test_pydantics_own_error_does_not_show_the_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(redis_url="http://u:secret@h")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("make", [load_settings, Settings])
def test_a_name_that_is_no_setting_is_refused_with_the_known_ones(make: type[Settings]) -> None:
    with pytest.raises(ConfigurationError, match=r"^No setting is named redis_uri; there are: .*redis_url"):
        make(redis_uri="redis://localhost")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().concurrency = 3  # pyright: ignore[reportAttributeAccessIssue] - the mistake


@pytest.mark.parametrize(("environment", "development"), [("development", True), ("Production", False)])
def test_the_environment_says_whether_this_is_development(environment: str, development: bool) -> None:
    assert load_settings(environment=environment).development is development


def test_an_env_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"REDIS_PREFIX=\xff\n")
    with pytest.raises(ConfigurationError, match=r"^\.env is not UTF-8 text"):
        load_settings()


def test_a_folder_called_env_is_not_taken_for_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert load_settings().redis_prefix == "bull"


def test_nothing_but_settings_reads_the_environment() -> None:
    reading = re.compile(r"\bos\.environ\b|\bgetenv\(|from os import .*environ")
    readers = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if reading.search(path.read_text())}
    hands_it_on = "processes/worker_child.py"
    assert readers - {hands_it_on} == {"settings/settings.py"}


@pytest.mark.process
def test_settings_load_without_the_engine_the_database_and_the_log() -> None:
    heavy = "{'bullmq', 'redis', 'sqlalchemy', 'loguru'}"
    script = f"import sys, midday_worker.settings.settings; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_another_process_can_be_given_all_settings_secrets_included() -> None:
    settings = load_settings(
        redis_url="redis://:secret@somewhere:1/2",
        database_primary_url="postgresql://u:p@somewhere/db",
        worker_queues=("a", "b"),
        cancel_grace="2s",
        http="127.0.0.1:8080",
        log_level="DEBUG",
        redis_tls_ca_file=__file__,
    )
    travelled: dict[str, object] = json.loads(json.dumps(settings.revealed()))

    assert Settings(env_file=None, **travelled) == settings
    assert Settings(env_file=None, **travelled).redis_url.get_secret_value() == "redis://:secret@somewhere:1/2"
