"""Settings: the only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, get_args

from dotenv import dotenv_values
from pydantic import Field, FilePath, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from midday_worker.errors import ConfigurationError
from midday_worker.settings.urls import redact_url
from midday_worker.settings.values import (
    Address,
    BoardLogin,
    DatabaseUrl,
    Environment,
    LogFormat,
    LogLevel,
    Milliseconds,
    Names,
    PythonName,
    RedisUrl,
    SentryDsn,
    ServiceName,
)

__all__ = ["ENV_FILE", "Settings", "further_database_url", "load_settings", "redact_url", "variable_of"]

ENV_FILE: Final = Path(".env")
"""Read from the working directory; the environment goes before it."""


class Settings(BaseSettings):
    """What the environment and the `.env` file say.

    A field's variable is its name in capitals, or its alias; an empty variable counts as unset. Values given
    by field name go before the environment. `load_settings` does the same, and explains what is wrong.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Environment = Field(
        default="development",
        description="development, staging or production.",
    )
    redis_url: RedisUrl = Field(
        default=SecretStr("redis://localhost:6379"),
        description="Where the queues are: redis://[user:password@]host[:port][/db], rediss://, unix:///path, "
        "redis+sentinel:// or redis+cluster://.",
    )
    redis_prefix: str = Field(
        default="bull",
        min_length=1,
        description="The start of the keys of queues without a prefix of their own; Node programs must use the same.",
    )
    redis_command_timeout: Milliseconds = Field(
        default=5_000,
        gt=0,
        description="How long a command to Redis may take.",
    )
    redis_pipelining: bool = Field(
        default=True,
        description="Whether concurrent commands share a connection. false: each has one of redis-py's own, and waits.",
    )
    redis_wait_replicas: int = Field(
        default=0,
        ge=0,
        description="How many replicas have to hold a job before its trigger returns. It costs a round trip to them.",
    )
    redis_password_file: FilePath | None = Field(
        default=None,
        description="A file with Redis's password, read anew for each connection; the user stays in REDIS_URL.",
    )
    redis_credentials: PythonName | None = Field(
        default=None,
        description="A redis.CredentialProvider, as module:name, asked for user and password at each connection.",
    )
    redis_tls_ca_file: FilePath | None = Field(
        default=None,
        description="The PEM file of the authorities that may sign Redis's certificate. Empty: the system's.",
    )
    redis_tls_cert_file: FilePath | None = Field(
        default=None,
        description="The PEM file of this client's certificate, where Redis wants one.",
    )
    redis_tls_key_file: FilePath | None = Field(
        default=None,
        description="The PEM file of its key. Empty: it is in the same file.",
    )
    redis_server_binary: FilePath | None = Field(
        default=None,
        description="The redis-server or valkey-server that dev, demo and tests start. Empty: one that is found.",
    )
    database_primary_url: DatabaseUrl | None = Field(
        default=None,
        description="The database behind ctx.db: postgresql://user:password@host:5432/name, or sqlite:///path.",
    )
    worker_imports: Names = Field(
        default=(),
        description="Packages that commands import for their jobs and queues, with commas between.",
    )
    worker_queues: Names = Field(
        default=(),
        description="The queues that a worker serves, with commas between. Empty: all of them.",
    )
    concurrency: int = Field(
        default=5,
        ge=1,
        validation_alias="WORKER_CONCURRENCY",
        description="How many jobs of one queue run at once.",
    )
    processes: int = Field(
        default=1,
        ge=1,
        validation_alias="WORKER_PROCESSES",
        description="How many processes `run` starts; each has that concurrency, and its own database connections.",
    )
    drain_timeout: Milliseconds = Field(
        default=30_000,
        ge=0,
        validation_alias="WORKER_DRAIN_TIMEOUT",
        description="How long running jobs may go on after SIGTERM, before they are handed back.",
    )
    startup_timeout: Milliseconds = Field(
        default=60_000,
        ge=0,
        validation_alias="WORKER_STARTUP_TIMEOUT",
        description="How long to wait for Redis at the start; 0 is for ever.",
    )
    lock_duration: Milliseconds = Field(
        default=30_000,
        ge=1_000,
        validation_alias="WORKER_LOCK_DURATION",
        description="How long a worker may be silent before its running jobs are given to another one.",
    )
    stalled_interval: Milliseconds = Field(
        default=30_000,
        ge=1_000,
        validation_alias="WORKER_STALLED_INTERVAL",
        description="How often to look for jobs whose worker is silent.",
    )
    max_stalled_count: int = Field(
        default=25,
        ge=0,
        validation_alias="WORKER_MAX_STALLED_COUNT",
        description="How often a job may lose its worker and is run again; once more, and it has failed for good.",
    )
    cancel_grace: Milliseconds = Field(
        default=5_000,
        ge=0,
        validation_alias="WORKER_CANCEL_GRACE",
        description="How long a handler that is told to stop may clean up; then it is cut, and a process killed.",
    )
    cut_grace: Milliseconds = Field(
        default=1_000,
        ge=0,
        validation_alias="WORKER_CUT_GRACE",
        description="How long a handler that is cut may take to end; then its job ends without it.",
    )
    service_name: ServiceName | None = Field(
        default=None,
        description="Who declares the schedules of its jobs: alike for all its workers. Empty: none is ever removed.",
    )
    schedules: bool = Field(
        default=True,
        validation_alias="WORKER_SCHEDULES",
        description="Whether a worker brings the schedules in Redis to what its jobs declare.",
    )
    schedules_grace: Milliseconds = Field(
        default=300_000,
        ge=0,
        description="How long a schedule stays that the service declared before, after its last process that does.",
    )
    http: Address | None = Field(
        default=None,
        validation_alias="WORKER_HTTP",
        description="Where `run` answers health checks and metrics over HTTP, such as 127.0.0.1:8080. Empty: nowhere.",
    )
    admin: bool = Field(
        default=False,
        validation_alias="WORKER_ADMIN",
        description="Whether WORKER_HTTP has the dashboard too, at /admin. Beyond this machine it needs a login.",
    )
    log_level: LogLevel = Field(
        default="INFO",
        description="TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR or CRITICAL.",
    )
    log_format: LogFormat = Field(
        default="auto",
        description="pretty, json (one object per line), or auto: pretty in development, json elsewhere.",
    )
    log_payloads: bool = Field(
        default=False,
        description="Whether logs may show payloads and SQL parameters. They may hold personal data.",
    )
    sentry_dsn: SentryDsn | None = Field(
        default=None,
        description="Where jobs that failed for good are reported: the DSN of a project of Sentry. Empty: nowhere.",
    )
    max_payload_bytes: int = Field(
        default=1_048_576,
        ge=1,
        description="The largest payload that is accepted, in bytes of JSON.",
    )
    unknown_job_retries: int = Field(
        default=12,
        ge=0,
        description="How often a job of an unknown name is put off before it fails.",
    )

    board_username: str | None = Field(
        default=None,
        min_length=1,
        description="Who may use the dashboard; with BOARD_PASSWORD. Without both it asks for a token.",
    )
    board_password: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="The password of BOARD_USERNAME.",
    )
    board_token: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="The token of a dashboard without BOARD_USERNAME. Empty: one is made at each start, and written.",
    )
    board_login: BoardLogin = Field(
        default="token",
        description="none: a dashboard without BOARD_USERNAME asks for nothing, and answers to this machine alone.",
    )
    board_hosts: Names = Field(
        default=(),
        description="Names that the dashboard is asked for by, besides localhost, with commas between. * is any.",
    )

    def __init__(self, *, env_file: Path | None = ENV_FILE, **values: object) -> None:
        unknown = values.keys() - type(self).model_fields.keys()
        if unknown:
            known = ", ".join(sorted(type(self).model_fields))
            raise ConfigurationError(f"No setting is named {', '.join(sorted(unknown))}; there are: {known}.")
        # Any, as in pydantic's own signature: the fields' validators check these values.
        by_variable: dict[str, Any] = {variable_of(name): value for name, value in values.items()}
        super().__init__(_env_file=env_file, **by_variable)

    @property
    def development(self) -> bool:
        """Whether this is a developer's machine."""
        return self.environment == "development"

    def revealed(self) -> dict[str, object]:
        """Return the values by field name, secrets in the clear, as another process of this program needs them."""
        return {name: _plain(value) for name, value in self.__iter__()}


def further_database_url(variable: str) -> str | None:
    """Return what a variable that is no setting says, in the environment or in the `.env` file; None if nothing."""
    return os.environ.get(variable) or dotenv_values(ENV_FILE).get(variable) or None


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def variable_of(field: str) -> str:
    """Return the environment variable behind a field of `Settings`.

    >>> variable_of("redis_url"), variable_of("concurrency")
    ('REDIS_URL', 'WORKER_CONCURRENCY')
    """
    return str(Settings.model_fields[field].validation_alias or field.upper())


def load_settings(*, env_file: Path | None = ENV_FILE, **overrides: object) -> Settings:
    """Read the settings, and explain what is wrong with them.

    Args:
        env_file: another file than `.env`, or None for none.
        overrides: values by field name that go before the environment; None is as if not given.

    Raises:
        ConfigurationError: it names the variable, its value (passwords hidden), its origin, what is accepted.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(env_file=env_file, **given)
    except ValidationError as error:
        problems = error.errors(include_url=False)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{env_file} is not UTF-8 text: {error.reason}.") from error
    raise ConfigurationError(" ".join(_explain(problem, given, env_file) for problem in problems))


# pydantic locates an error by the field's name, or by its alias where it has one.
_FIELDS: Final = {name: name for name in Settings.model_fields} | {
    variable_of(name): name for name in Settings.model_fields
}
_BETTER_REASONS: Final = {
    "bool_parsing": "accepted: true or false",
    "int_parsing": "accepted: a whole number",
}


def _explain(problem: ErrorDetails, given: Mapping[str, object], env_file: Path | None) -> str:
    """Say about one wrong value which variable it is, where it is from, and what is accepted."""
    field = _FIELDS[str(problem["loc"][0])]
    variable = variable_of(field)
    if field in given:
        origin = "given as an option"
    elif variable in map(str.upper, os.environ):
        origin = "from the environment"
    else:
        origin = f"from {env_file}"
    reason = str(problem.get("ctx", {}).get("error") or problem["msg"])
    reason = _BETTER_REASONS.get(problem["type"], reason[:1].lower() + reason[1:])
    shown = _shown(problem["input"], is_secret=_is_secret(Settings.model_fields[field].annotation))
    return f"{variable} is {shown} ({origin}); {reason.rstrip('.')}."


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(_is_secret, get_args(annotation)))


def _shown(value: object, *, is_secret: bool) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    # What isn't meant to be a URL may be one by mistake; of anything else nothing is to be hidden.
    if isinstance(value, str) and (is_secret or any(sign in value for sign in "@/?;")):
        value = redact_url(value)
    return repr(value)
