"""Which URLs are accepted, and that no password is ever shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midday_worker.settings.redis_address import RedisAddress, check_redis_url
from midday_worker.settings.urls import check_database_url, redact_text, redact_url


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379",
        "redis://localhost:6379/",
        "redis://localhost:6379/15",
        "redis://:secret@10.0.0.1:6379/0",
        "redis://user:p%40ss@redis.example.com/2",
        "rediss://user:secret@redis.example.com:6380/0?ssl_cert_reqs=none",
        "redis://[::1]:6379/0",
        "redis://localhost?db=3",
        "unix:///run/redis.sock",
        "unix://user:secret@/run/redis.sock?db=1",
        "redis+sentinel://one/mymaster",
        "rediss+sentinel://user:secret@one:26379,[::1]:26380/my%20master/3?sentinel_password=secret",
        "redis+cluster://user:secret@one:7000,two:7001",
        "rediss+cluster://one/0",
    ],
)
def test_redis_is_reached_by_tcp_tls_or_socket(url: str) -> None:
    check_redis_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "localhost:6379",
        "http://localhost:6379",
        "redis://",
        "redis:///0",
        "redis://:6379",
        "redis://localhost:redis",
        "redis://localhost:0",
        "redis://localhost:65536",
        "redis://localhost:1234567",
        "redis://localhost/first",
        "redis://localhost/-1",
        "redis://localhost/0/1",
        "redis://localhost?db=one",
        "redis://one:6379,two:6379",
        "redis://[::1",
        "redis://::1:6379",
        "unix://",
        "unix:///run/redis.sock?db=one",
        "redis://user:se#cret@localhost",
        "redis://user:12#34@localhost",
        "redis://user:se/cret@localhost",
        "redis+sentinel://one:26379",
        "redis+sentinel://one:26379/",
        "redis+sentinel://one:26379/mymaster/first",
        "redis+sentinel://one:26379/mymaster/0/1",
        "redis+sentinel://one,/mymaster",
        "redis+sentinel:///mymaster",
        "redis+cluster://one:7000/1",
        "redis+cluster://one:7000?db=1",
        "redis+cluster://one:7000/mymaster",
        "redis+other://one:7000",
    ],
)
def test_another_form_of_redis_url_is_refused_with_the_accepted_ones(url: str) -> None:
    with pytest.raises(ValueError, match=r"accepted: redis://.* rediss:// .* unix://") as caught:
        check_redis_url(url)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/app",
        "postgres://user:secret@localhost:5432/app?sslmode=require",
        "postgresql+asyncpg://user@[::1]:5432/app",
        "postgresql://one:5432,two:5433/app?target_session_attrs=read-write",
        "postgresql:///app?host=/run/postgresql",
        "sqlite://",
        "sqlite:///data.db",
        "sqlite:////var/lib/app/data.db",
        "sqlite+aiosqlite:///data.db",
    ],
)
def test_a_database_is_postgresql_or_sqlite(url: str) -> None:
    check_database_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "app.db",
        "mysql://localhost/app",
        "postgresql+psycopg://localhost/app",
        "postgresql://localhost:postgres/app",
        "postgresql://one:5432,two:70000/app",
        "postgresql://one,,two/app",
        "postgresql://user:se#cret@localhost/app",
        "postgresql://user:12#34@localhost/app",
        "sqlite://data.db",
    ],
)
def test_another_form_of_database_url_is_refused_with_the_accepted_ones(url: str) -> None:
    with pytest.raises(ValueError, match=r"accepted: postgresql://.*sqlite:///") as caught:
        check_database_url(url)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://user:secret@localhost:6379/0", "redis://user:***@localhost:6379/0"),
        ("redis://:secret@localhost", "redis://:***@localhost"),
        ("redis://secret@localhost", "redis://***@localhost"),
        ("rediss://u:s@h?ssl_cert_reqs=none", "rediss://u:***@h?ssl_cert_reqs=none"),
        ("unix:///run/redis.sock?password=secret&db=1", "unix:///run/redis.sock?password=***&db=1"),
        ("postgresql://u:se@cr/et@h/app", "postgresql://u:***@h/app"),
        ("postgresql://one:5432,two:5432/app?sslpassword=secret", "postgresql://one:5432,two:5432/app?sslpassword=***"),
        ("redis://[::1]:6379", "redis://[::1]:6379"),
        ("redis://:secret", "redis://***"),
        ("user:secret@localhost", "user:***@localhost"),
        ("sqlite:///data.db", "sqlite:///data.db"),
        ("localhost:6379", "localhost:6379"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@given(st.text(max_size=12), st.text(max_size=12))
def test_no_character_in_a_password_makes_it_show(before: str, after: str) -> None:
    assert "s3cr3t" not in redact_url(f"redis://user:{before}s3cr3t{after}@localhost:6379/0")


def test_urls_in_a_text_lose_their_passwords_and_keep_the_rest() -> None:
    text = (
        "can't reach 'redis://:se/cr@et@cache:6379' nor postgresql+asyncpg://u:secret@db/app?sslmode=require; "
        'try "amqp://guest:secret@mq/", https://example.com/@someone?token=secret&page=2 or http://localhost:8000.'
    )
    assert redact_text(text) == (
        "can't reach 'redis://:***@cache:6379' nor postgresql+asyncpg://u:***@db/app?sslmode=require; "
        'try "amqp://guest:***@mq/", https://example.com/@someone?token=***&page=2 or http://localhost:8000.'
    )


def test_a_text_without_urls_is_left_alone() -> None:
    text = "ada@example.com asked at 10:30 for job mail:1, password=none"
    assert redact_text(text) is text


def test_a_url_of_sentinels_is_taken_apart() -> None:
    url = "rediss+sentinel://user:p%40ss@one,[::1]:26380/my%20master/3?sentinel_password=se%40cret&ssl_cert_reqs=none"
    assert RedisAddress.parse(url) == RedisAddress(
        "sentinel",
        "rediss://user:p%40ss@one/3?ssl_cert_reqs=none",
        (("one", 26379), ("::1", 26380)),
        "my master",
        (("password", "se@cret"),),
    )


def test_a_url_of_a_cluster_is_taken_apart() -> None:
    address = RedisAddress.parse("redis+cluster://:secret@one:7000,two")
    assert address == RedisAddress("cluster", "redis://:secret@one:7000", (("one", 7000), ("two", 6379)))
    assert not address.is_tls


def test_several_hosts_without_their_kind_are_named_as_that() -> None:
    with pytest.raises(ValueError, match=r"^Several hosts are those of sentinels or of a cluster; accepted"):
        check_redis_url("redis://one:6379,two:6379")


def test_a_password_of_sentinels_is_hidden() -> None:
    url = "redis+sentinel://user:secret@one:26379,two/mymaster/0?sentinel_password=secret"
    assert redact_url(url) == "redis+sentinel://user:***@one:26379,two/mymaster/0?sentinel_password=***"
    assert redact_text(f"at {url}") == f"at {redact_url(url)}"
