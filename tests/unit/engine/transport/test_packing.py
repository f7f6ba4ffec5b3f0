"""Commands are packed as redis-py packs them."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Connection
from redis.exceptions import DataError
from redis.typing import EncodableT

from midday_worker.engine.transport import command as packing
from midday_worker.engine.transport.command import packer


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    A = "a"


ORDINARY = st.text(st.characters(codec="utf-8")) | st.binary() | st.integers() | st.floats()
UNUSUAL = st.sampled_from([memoryview(b"view"), bytearray(b"array"), Number.ONE, Word.A])
NAMES = st.sampled_from(["SET", "CONFIG GET", "client  setname", b"SET", b"SCRIPT LOAD", Word.A])


@given(NAMES, st.lists(ORDINARY | UNUSUAL))
def test_commands_become_the_bytes_that_redis_py_makes_of_them(name: EncodableT, args: list[EncodableT]) -> None:
    connection = Connection()
    expected = b"".join(connection.pack_command(name, *args))
    assert packer(connection)((name, *args)) == expected


@pytest.mark.parametrize("value", [True, None, ["list"]])
def test_what_redis_py_refuses_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="Invalid input of type"):
        packer(Connection())(("SET", "key", cast("EncodableT", value)))


def test_another_encoding_is_kept() -> None:
    connection = Connection(encoding="latin-1")
    assert packer(connection)(("SET", "é")) == b"*2\r\n$3\r\nSET\r\n$1\r\n\xe9\r\n"


def test_without_hiredis_redis_py_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "HIREDIS_AVAILABLE", False)
    assert packer(Connection())(("CONFIG GET", "x", 1)) == b"*4\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$1\r\nx\r\n$1\r\n1\r\n"
