"""The kinds of values that settings have: how each is read from a variable's text, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from midday_worker.errors import DurationError
from midday_worker.settings.durations import Duration, to_milliseconds
from midday_worker.settings.http_address import HttpAddress
from midday_worker.settings.redis_address import check_redis_url
from midday_worker.settings.urls import check_database_url, check_sentry_dsn

__all__ = [
    "Address",
    "BoardLogin",
    "DatabaseUrl",
    "Environment",
    "EnvironmentName",
    "LogFormat",
    "LogLevel",
    "Milliseconds",
    "Names",
    "PythonName",
    "RedisUrl",
    "SentryDsn",
    "ServiceName",
]


def _milliseconds(value: Duration) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    try:
        return to_milliseconds(value)
    except DurationError:
        raise ValueError('accepted: milliseconds, or a text such as "500ms", "5s", "1h30m"') from None


def _split_commas(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _python_name(value: str) -> str:
    module, colon, name = value.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module.split("."), name)):
        raise ValueError("accepted: module:name, such as my_service.redis:credentials")
    return value


def _service_name(value: str) -> str:
    if not re.fullmatch(r"[\w.-]+", value):
        raise ValueError("accepted: letters, digits, - _ and ., such as billing")
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _address(text: str) -> str:
    return str(HttpAddress.parse(text))


def _secret(check: Callable[[str], None]) -> AfterValidator:
    def checked(value: SecretStr) -> SecretStr:
        check(value.get_secret_value())
        return value

    return AfterValidator(checked)


EnvironmentName: TypeAlias = Literal["development", "staging", "production"]
Environment = Annotated[EnvironmentName, BeforeValidator(_lower)]
BoardLogin = Annotated[Literal["token", "none"], BeforeValidator(_lower)]
LogFormat = Annotated[Literal["auto", "pretty", "json"], BeforeValidator(_lower)]
LogLevel = Annotated[
    Literal["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
]
PythonName = Annotated[str, AfterValidator(_python_name)]
Address = Annotated[str, AfterValidator(_address)]
Milliseconds = Annotated[int, BeforeValidator(_milliseconds)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
RedisUrl = Annotated[SecretStr, _secret(check_redis_url)]
DatabaseUrl = Annotated[SecretStr, _secret(check_database_url)]
ServiceName = Annotated[str, AfterValidator(_service_name)]
SentryDsn = Annotated[SecretStr, _secret(check_sentry_dsn)]
