"""What a server's refusal means, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from ssl import SSLCertVerificationError
from typing import Final

from redis.exceptions import MovedError

_RIGHT: Final = (
    "this Redis user lacks a right: `ACL LOG` in Redis tells which; docs/security.md lists those that are needed"
)
_OURS: Final = "this Redis wants a client's certificate: set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE"
_MEANINGS: Final[Mapping[str, str]] = {
    "command not allowed when used memory": "Redis's memory is full: raise maxmemory, or remove jobs",
    "MISCONF": "Redis can't save to its disk, which is full or not writable: see Redis's own log",
    "write against a read only replica": "this Redis is a read-only replica: REDIS_URL must name the primary",
    "NOREPLICAS": "this Redis waits for replicas that are away (min-replicas-to-write)",
    "WRONGPASS": "the user or the password in REDIS_URL is wrong, or in what stands in for it",
    "invalid username-password": "the user or the password in REDIS_URL is wrong, or in what stands in for it",
    "NOAUTH": "this Redis wants a password: redis://:password@host",
    "HELLO must be called with the client already authenticated": "this Redis wants a password: redis://:password@host",
    "Authentication required": "this Redis wants a password: redis://:password@host",
    "unknown command 'HELLO'": "this Redis is too old: BullMQ's scripts need 6.2 or newer",
    "unknown command `HELLO`": "this Redis is too old: BullMQ's scripts need 6.2 or newer",
    # A user's own command; then one within a script, where Redis doesn't say which.
    "no permissions to": _RIGHT,
    "The user executing the script can't": _RIGHT,
    "ACL failure in script": _RIGHT,
    "don't hash to the same slot": "this Redis is a node of a cluster: REDIS_PREFIX needs a hash tag, such as {bull}",
    "cluster support disabled": "this Redis is no node of a cluster: REDIS_URL must be redis://host:port",
    "unknown command": "this server lacks a command that jobs need: it is a Sentinel, say, or has taken it away",
    "Hash slot not served": "this Redis is a node of a cluster in which nobody holds these keys",
    "he cluster is down": "a primary of the cluster is down, and no replica has taken over from it yet",
    # By TLS 1.3, and by 1.2, which doesn't say what it is that it misses.
    "ALERT_CERTIFICATE_REQUIRED": _OURS,
    "ALERT_HANDSHAKE_FAILURE": _OURS,
}
_OF_CERTIFICATES: Final = ("CERTIFICATE_VERIFY_FAILED", "ALERT_CERTIFICATE_REQUIRED", "ALERT_HANDSHAKE_FAILURE")
_MOVED: Final = (
    "this Redis is a node of a cluster: REDIS_URL must be redis+cluster://host:port,host:port, and REDIS_PREFIX have a "
    "hash tag, such as {bull}"
)
_CERTIFICATE: Final = (
    "Redis's certificate can't be verified: have it signed for this host by an authority that this machine trusts, "
    "or name that authority's file in REDIS_TLS_CA_FILE"
)


def explained(error: BaseException) -> str:
    """Return an error's text, and what it means where that is known."""
    text, meaning = str(error) or type(error).__name__, meaning_of(error)
    return text if meaning is None else f"{text.rstrip('.')}. {meaning[0].upper()}{meaning[1:]}"


def meaning_of(error: BaseException) -> str | None:
    """Return what an error means and what to do about it; None where that isn't known."""
    text = str(error)
    if isinstance(error, MovedError):
        return _MOVED
    meaning = next((meaning for words, meaning in _MEANINGS.items() if words in text), None)
    return _CERTIFICATE if meaning is None and is_about_certificate(error) else meaning


def is_about_certificate(error: BaseException) -> bool:
    """Return whether a connection failed as the server's certificate is not to be trusted, or wants to see ours."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, SSLCertVerificationError) or any(words in str(seen) for words in _OF_CERTIFICATES):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
