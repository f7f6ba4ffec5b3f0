"""Which commands share a connection."""

from __future__ import annotations

import pytest
from redis.typing import EncodableT

from midday_worker.engine.transport.command import needs_own_connection

OWN: list[tuple[EncodableT, ...]] = [
    ("BLPOP", "list", 1),
    ("bzpopmin", "set", 1),
    (b"BLMOVE", "a", "b", "LEFT", "LEFT", 0),
    ("WAIT", 1, 0),
    ("XREAD", b"BLOCK", "1000", "STREAMS", "s", "$"),
    ("XREADGROUP", "GROUP", "g", "c", "block", 5, "STREAMS", "s", ">"),
    ("MULTI",),
    ("WATCH", "a"),
    ("SUBSCRIBE", "channel"),
    ("SELECT", 1),
    ("HELLO", 3),
    ("CLIENT REPLY", "OFF"),
    ("CLIENT", "REPLY", "OFF"),
    ("CLIENT TRACKING", "ON"),
    ("HIMPORT SET", "a"),
]
SHARED: list[tuple[EncodableT, ...]] = [
    ("SET", "BLPOP", "WAIT"),
    ("EVALSHA", "abc", 0),
    ("XREAD", b"COUNT", "10", b"STREAMS", "block", "0"),
    ("XREAD", "STREAMS", "s", "0"),
    ("CLIENT SETNAME", "tracker"),
    ("CLIENT", "LIST"),
    ("LPOP", "list"),
]


@pytest.mark.parametrize("args", OWN, ids=str)
def test_what_blocks_or_changes_its_connection_has_one_of_its_own(args: tuple[EncodableT, ...]) -> None:
    assert needs_own_connection(args)


@pytest.mark.parametrize("args", SHARED, ids=str)
def test_everything_else_shares_one(args: tuple[EncodableT, ...]) -> None:
    assert not needs_own_connection(args)
