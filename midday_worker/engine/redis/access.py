"""How clients show who they are, beside what a server's URL says: a password that changes, and certificates."""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError

from midday_worker.errors import ConfigurationError

_TLS: Final = {"tls_ca_file": "ssl_ca_certs", "tls_cert_file": "ssl_certfile", "tls_key_file": "ssl_keyfile"}


@dataclass(frozen=True, slots=True)
class Access:
    """What the settings REDIS_... of the same names say."""

    password_file: Path | None = None
    credentials: str | None = None
    tls_ca_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None

    def check(self, url: str) -> None:
        """Raise ConfigurationError if these and a server's URL don't go together."""
        given = [field.name for field in fields(self) if getattr(self, field.name) is not None]
        named = {name: f"REDIS_{name.upper()}" for name in given}
        parts = urlsplit(url)
        passwords = [name for name in ("password_file", "credentials") if name in given]
        if len(passwords) > 1:
            raise ConfigurationError("REDIS_PASSWORD_FILE and REDIS_CREDENTIALS are both set: keep one of them.")
        if passwords and (parts.password or "password" in parse_qs(parts.query)):
            raise ConfigurationError(
                f"{named[passwords[0]]} is set, and REDIS_URL has a password too: keep one of them."
            )
        files = [named[name] for name in given if name in _TLS]
        if files and not parts.scheme.startswith("rediss"):
            raise ConfigurationError(
                f"{files[0]} is set, and REDIS_URL begins with {parts.scheme}://: TLS needs rediss://."
            )
        if "tls_key_file" in given and "tls_cert_file" not in given:
            raise ConfigurationError(
                "REDIS_TLS_KEY_FILE needs the certificate that it is the key of: REDIS_TLS_CERT_FILE."
            )

    def apply(self, options: dict[str, object]) -> None:
        """Write it into the options of connections, as redis-py's pools hold them."""
        options.update({option: str(path) for name, option in _TLS.items() if (path := getattr(self, name))})
        if self.password_file is not None:
            options["credential_provider"] = PasswordFile(self.password_file, options.pop("username", None))
        elif self.credentials is not None:
            options.pop("username", None)
            options["credential_provider"] = _imported(self.credentials)


class PasswordFile(CredentialProvider):
    """Reads the password anew for each connection."""

    def __init__(self, path: Path, user: object) -> None:
        self._path = path
        self._user = user

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Return the user, if there is one, and the password."""
        try:
            password = self._path.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:  # it may be there again in a moment
            raise ConnectionError(f"REDIS_PASSWORD_FILE can't be read: {error}") from error
        return (str(self._user), password) if self._user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """Return the same."""
        return self.get_credentials()


def _imported(name: str) -> CredentialProvider:
    module, _, attribute = name.partition(":")
    try:
        found: object = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"REDIS_CREDENTIALS is {name!r}, which can't be imported: {error}.") from error
    if not isinstance(found, CredentialProvider):
        raise ConfigurationError(f"REDIS_CREDENTIALS is {name!r}, which is no redis.CredentialProvider, but {found!r}.")
    return found
