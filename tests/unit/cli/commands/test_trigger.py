"""What `--data` accepts."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from midday_worker import InvalidInputError
from midday_worker.cli.commands.trigger import read_payload


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_data_is_json() -> None:
    assert read_payload('{"userId": "u1"}') == {"userId": "u1"}
    assert read_payload("[1, null]") == [1, None]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_data_is_a_files_content(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "payload.json"
    path.write_text(f'{mark}{{"name": "Åsa"}}', "utf-8")

    assert read_payload(f"@{path}") == {"name": "Åsa"}


def test_data_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, '{"name": "Åsa"}'.encode())

    assert read_payload("@-") == {"name": "Åsa"}


@pytest.mark.parametrize("data", ["", "{userId: 1}", '{"a": 1'])
def test_malformed_json_is_refused_with_its_place(data: str) -> None:
    with pytest.raises(
        InvalidInputError, match=r"--data is not JSON: .* at line 1, column \d+.*\. For example: --data"
    ):
        read_payload(data)


@pytest.mark.parametrize("data", ["9" * 5_000, "[" * 100_000])
def test_json_beyond_what_python_reads_is_refused(data: str) -> None:
    with pytest.raises(InvalidInputError, match="--data can't be read as JSON"):
        read_payload(data)


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"Can't read .*/none.json, which --data names: No such file"):
        read_payload(f"@{tmp_path}/none.json")
    with pytest.raises(InvalidInputError, match="Is a directory"):
        read_payload(f"@{tmp_path}")


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "payload.json"
    path.write_text("{\n]")

    with pytest.raises(InvalidInputError, match=r"File .*payload.json is not JSON: .* at line 2, column 1"):
        read_payload(f"@{path}")


def test_what_is_not_utf_8_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "payload.json"
    path.write_bytes(b'"\xff"')
    standard_input(monkeypatch, b'"\xff"')

    with pytest.raises(InvalidInputError, match="it is not UTF-8"):
        read_payload(f"@{path}")
    with pytest.raises(InvalidInputError, match="Can't read standard input, which --data names: it is not UTF-8"):
        read_payload("@-")
