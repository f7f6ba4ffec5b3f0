"""What becomes of a database's URL: libpq's parameters for asyncpg, and a clear no to others."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from midday_worker.databases.address import parse_address
from midday_worker.errors import ConfigurationError


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_every_spelling_of_postgresql_is_used_with_asyncpg(scheme: str) -> None:
    address = parse_address(f"{scheme}://user:p%40ss@db.example.com:5433/app")
    assert address.engine_url == "postgresql+asyncpg://"
    assert address.connect_args == {"dsn": "postgresql://user:p%40ss@db.example.com:5433/app"}
    assert not address.is_sqlite


@pytest.mark.parametrize(
    ("query", "connect_args"),
    [
        ("sslmode=verify-ca", {"dsn": "postgresql://h/app?sslmode=verify-ca"}),
        ("ssl=require", {"dsn": "postgresql://h/app?sslmode=require"}),
        ("target_session_attrs=read-write", {"dsn": "postgresql://h/app?target_session_attrs=read-write"}),
        ("host=%2Frun%2Fpostgresql&port=5433", {"dsn": "postgresql://h/app?host=%2Frun%2Fpostgresql&port=5433"}),
        ("connect_timeout=3", {"timeout": 3.0}),
        ("connect_timeout=0", {"timeout": None}),
        ("command_timeout=1.5", {"command_timeout": 1.5}),
        ("prepared_statement_cache_size=0", {"prepared_statement_cache_size": 0}),
        ("statement_cache_size=0", {"statement_cache_size": 0}),
        ("application_name=mail+worker", {"server_settings": {"application_name": "mail worker"}}),
        (
            "application_name=w&options=-c%20search_path%3Dtenant",
            {"server_settings": {"application_name": "w", "options": "-c search_path=tenant"}},
        ),
        ("channel_binding=prefer&gssencmode=disable&client_encoding=utf8", {}),
        ("sslmode=", {}),
    ],
)
def test_a_parameter_of_libpqs_reaches_asyncpg_in_asyncpgs_form(query: str, connect_args: dict[str, object]) -> None:
    address = parse_address(f"postgresql://h/app?{query}")
    assert address.connect_args == {"dsn": "postgresql://h/app", **connect_args}


def test_several_hosts_are_handed_on_together() -> None:
    address = parse_address("postgresql://user@one:5432,two:5433/app?target_session_attrs=primary")
    assert address.connect_args["dsn"] == "postgresql://user@one:5432,two:5433/app?target_session_attrs=primary"


def test_an_at_sign_in_a_password_does_not_start_the_host() -> None:
    assert parse_address("postgresql://user:p@ss:w@h/app").connect_args["dsn"] == "postgresql://user:p%40ss%3Aw@h/app"


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile"])
def test_a_file_that_a_parameter_names_must_exist(name: str, tmp_path: Path) -> None:
    path = tmp_path / "some file.pem"
    with pytest.raises(ConfigurationError, match=f"{name} is '.*some file.pem', but there is no such file"):
        parse_address(f"postgresql://h/app?{name}={path}")
    path.touch()
    assert name in str(parse_address(f"postgresql://h/app?{name}={path}").connect_args["dsn"])


def test_the_systems_certificates_are_used_when_asked_for() -> None:
    address = parse_address("postgresql://h/app?sslmode=verify-full&sslrootcert=system")
    context = address.connect_args["ssl"]
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert address.connect_args["dsn"] == "postgresql://h/app?sslmode=verify-full"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("sslmode=yes", r"sslmode is 'yes'; accepted: disable, allow, prefer, require, verify-ca, verify-full\."),
        ("ssl=true", r"ssl is 'true'; accepted: disable, "),
        ("target_session_attrs=master", r"target_session_attrs is 'master'; accepted: any, primary, "),
        ("connect_timeout=soon", r"connect_timeout is 'soon'; accepted: a number, 0 or more\."),
        ("connect_timeout=-1", r"connect_timeout is '-1'; accepted: "),
        ("connect_timeout=nan", r"connect_timeout is 'nan'; accepted: "),
        ("statement_cache_size=0.5", r"statement_cache_size is '0\.5'; accepted: "),
        ("keepalives_idle=30", r"'keepalives_idle' can't be followed by asyncpg; remove it\. Accepted: .*sslmode"),
        ("channel_binding=require", r"'channel_binding' can't be followed"),
        ("sslmod=require", r"'sslmod' can't be followed"),
    ],
)
def test_a_parameter_that_cannot_be_followed_is_refused_by_name(query: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        parse_address(f"postgresql://user:secret@h/app?{query}")
    assert "secret" not in str(caught.value)


def test_a_url_of_a_wrong_form_is_refused_with_its_password_hidden() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^The database's URL is 'mysql://u:\*\*\*@h/app'; accepted: postgres"
    ):
        parse_address("mysql://u:secret@h/app")


@pytest.mark.parametrize(
    ("url", "engine_url"),
    [
        ("sqlite:///data.db", "sqlite+aiosqlite:///data.db"),
        ("sqlite+aiosqlite:////var/data.db", "sqlite+aiosqlite:////var/data.db"),
        ("sqlite://", "sqlite+aiosqlite://"),
    ],
)
def test_sqlite_is_used_with_aiosqlite(url: str, engine_url: str) -> None:
    address = parse_address(url)
    assert (address.engine_url, address.is_sqlite) == (engine_url, True)


def test_the_url_with_its_password_is_not_in_the_address_repr() -> None:
    assert "secret" not in repr(parse_address("postgresql://user:secret@h/app"))
