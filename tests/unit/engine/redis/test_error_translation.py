"""redis-py's errors in our terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    MovedError,
    NoPermissionError,
    ResponseError,
    TimeoutError,
)

from midday_worker import RedisRefusedError, RedisUnavailableError
from midday_worker.engine.redis.error_translation import Writing, is_passing, is_unreachable, translated

AWAY = [
    ConnectionError("gone"),
    TimeoutError("late"),
    BusyLoadingError("loading"),
    OSError("no route"),
    ConnectionResetError(),
]
REFUSED = [AuthenticationError("WRONGPASS"), NoPermissionError("NOPERM"), ResponseError("READONLY")]


def name_of(error: Exception) -> str:
    return f"{type(error).__module__}.{type(error).__name__}"


@pytest.mark.parametrize("error", AWAY, ids=name_of)
def test_what_reads_wrote_nothing_when_redis_is_away(error: Exception) -> None:
    with (
        pytest.raises(
            RedisUnavailableError, match=r"Could not look: Redis is not reachable .* Nothing was written"
        ) as failure,
        translated("look"),
    ):
        raise error

    assert is_unreachable(error)
    assert not failure.value.may_have_been_written
    assert failure.value.__cause__ is error


@pytest.mark.parametrize("error", AWAY, ids=name_of)
def test_what_writes_may_have_written_when_the_reply_is_lost(error: Exception) -> None:
    message = r"may have been written \(job id a, b, c \.\.\.\)"
    ids = ["a", "b", "c", "d"]
    with pytest.raises(RedisUnavailableError, match=message) as failure, translated("add", Writing(ids=ids)):
        raise error

    assert failure.value.may_have_been_written
    assert failure.value.job_ids == ("a", "b", "c", "d")
    assert str(failure.value).endswith("Calling again with the same job_id is safe while the finished job is kept.")


@pytest.mark.parametrize(
    ("error", "why"), [(ConnectionResetError(), "ConnectionResetError"), (ConnectionError("gone"), "gone")]
)
def test_an_error_without_a_text_is_named(error: Exception, why: str) -> None:
    with pytest.raises(RedisUnavailableError) as failure, translated("look"):
        raise error

    assert failure.value.problem == f"Could not look: Redis is not reachable ({why})."
    assert str(failure.value) == f"{failure.value.problem} Nothing was written."


def test_what_is_written_of_no_job_alone_names_none() -> None:
    with pytest.raises(RedisUnavailableError) as failure, translated("pause", Writing(ids=[], again="Look first.")):
        raise ConnectionError("gone")

    assert str(failure.value).endswith("The reply was lost, so it may have been written. Look first.")


@pytest.mark.parametrize("words", ["Error 111 connecting to localhost:6379.", "No connection available."])
def test_what_never_left_was_not_written(words: str) -> None:
    with pytest.raises(RedisUnavailableError) as failure, translated("add", Writing(ids=["a"])):
        raise ConnectionError(words)

    assert not failure.value.may_have_been_written


@pytest.mark.parametrize("error", REFUSED, ids=name_of)
def test_what_redis_refuses_is_said_at_once(error: Exception) -> None:
    with pytest.raises(RedisRefusedError, match="Redis refused to add"), translated("add", Writing(ids=[])):
        raise error

    assert not is_unreachable(error)


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), translated("add"):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "reply",
    [
        "READONLY You can't write against a read only replica.",
        "ERR Error running script (call to f_0): @f:1: -READONLY You can't write against a read only replica.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
        "LOADING Redis is loading the dataset in memory",
        "CLUSTERDOWN The cluster is down",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "NOREPLICAS Not enough good replicas to write.",
    ],
)
def test_what_a_server_can_not_do_just_now_may_succeed_later(reply: str) -> None:
    parse = cast("Callable[[str], Exception]", BaseParser.parse_error)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    assert is_passing(parse(reply))


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (MovedError("3999 127.0.0.1:6381"), "is a node of a cluster: REDIS_URL must be"),
        (ResponseError("Keys in request don't hash to the same slot"), "is a node of a cluster: REDIS_PREFIX needs"),
        (ResponseError("unknown command 'EVALSHA', with args beginning with: "), "it is a Sentinel, say"),
        (
            ConnectionError("Error while reading : (1, '[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert')"),
            "wants a client's certificate",
        ),
        (
            ConnectionError("Error 1 connecting to here:1. [SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert"),
            "wants a client's certificate",
        ),
    ],
    ids=name_of,
)
def test_what_a_server_is_that_can_not_hold_jobs_is_said(error: Exception, means: str) -> None:
    with pytest.raises(RedisRefusedError, match=means), translated("add"):
        raise error
