"""What of a server's URL and the settings beside it doesn't go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from midday_worker.engine.redis.access import Access
from midday_worker.engine.redis.connection import RedisConfig
from midday_worker.errors import ConfigurationError

FILE = Path("file")


@pytest.mark.parametrize(
    ("url", "access", "why"),
    [
        (
            "redis://host",
            Access(password_file=FILE, credentials="a:b"),
            "REDIS_PASSWORD_FILE and REDIS_CREDENTIALS are",
        ),
        (
            "redis://u:secret@host",
            Access(password_file=FILE),
            "REDIS_PASSWORD_FILE is set, and REDIS_URL has a password",
        ),
        (
            "unix:///a?password=secret",
            Access(credentials="a:b"),
            "REDIS_CREDENTIALS is set, and REDIS_URL has a password",
        ),
        ("redis://host", Access(tls_ca_file=FILE), "REDIS_TLS_CA_FILE is set, and REDIS_URL begins with redis://"),
        ("rediss://host", Access(tls_key_file=FILE), "REDIS_TLS_KEY_FILE needs the certificate"),
    ],
)
def test_it_is_refused_without_the_password(url: str, access: Access, why: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{why}") as caught:
        RedisConfig(url, access=access)
    assert "secret" not in str(caught.value)


def test_what_fits_is_written_into_the_options_of_connections() -> None:
    access = RedisConfig("rediss://u@host", access=Access(tls_ca_file=FILE, tls_cert_file=FILE)).access
    options: dict[str, object] = {"host": "host", "username": "u"}
    access.apply(options)
    assert options == {"host": "host", "username": "u", "ssl_ca_certs": "file", "ssl_certfile": "file"}
