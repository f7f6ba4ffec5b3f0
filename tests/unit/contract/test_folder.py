"""The files of contracts: written the same twice, and refused with a reason where they are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from midday_worker.contract.document import Contract
from midday_worker.contract.folder import WRITTEN_BY_US, ContractFolder
from midday_worker.errors import ContractError


def contract(job: str = "invoice:send", service: str = "shop") -> Contract:
    return Contract(service=service, job=job, queue="mail", payload={"type": "integer"})


@pytest.fixture
def folder(tmp_path: Path) -> ContractFolder:
    return ContractFolder(tmp_path / "contracts")


def edited(folder: ContractFolder, **changes: object) -> None:
    """Write a contract by hand."""
    folder.write([contract()], {})
    file = folder.path / "invoice=3a=send.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_what_is_written_is_read_and_is_not_written_again(folder: ContractFolder) -> None:
    assert folder.write([contract()], {"producer.ts": WRITTEN_BY_US}) == ["invoice=3a=send.json", "producer.ts"]
    assert folder.write([contract()], {"producer.ts": WRITTEN_BY_US}) == []
    assert folder.read() == {"invoice:send": contract()}


def test_what_is_no_longer_written_is_removed_and_what_is_not_ours_stays(folder: ContractFolder) -> None:
    folder.write([contract(), contract("pay")], {"pay.ts": WRITTEN_BY_US})
    (folder.path / "own.ts").write_text("export {};")
    (folder.path / "package.json").write_text("{}")
    folder.write([contract()], {})
    left = sorted(file.name for file in folder.path.iterdir())
    assert left == ["invoice=3a=send.json", "own.ts", "package.json"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, ["format 2", "newer version", "Update midday-worker"]),
        ({"queue": 7}, ["no contract", "queue"]),
        ({"quue": "mail"}, ["no contract", "quue"]),
        ({"payload": {"type": "text"}}, ["payload", "no JSON Schema", "'text'"]),
        ({"payload": {"properties": ["a"]}}, ["payload", "no JSON Schema", "properties"]),
        ({"payload": {"$ref": "#/$defs/Gone"}}, ["payload", "Gone"]),
        ({"payload": {"items": {"anyOf": [{"$ref": "http://example.com/x"}]}}}, ["payload", "example.com"]),
        ({"result": {"required": "a"}}, ["result", "no JSON Schema", "required"]),
        ({"job": "other"}, ["'other'", "other.json"]),
    ],
)
def test_a_file_that_is_no_contract_is_named(
    folder: ContractFolder, changes: dict[str, object], words: list[str]
) -> None:
    edited(folder, **changes)
    with pytest.raises(ContractError) as error:
        folder.read()
    assert [word for word in ["invoice=3a=send.json", *words] if word not in str(error.value)] == []


@pytest.mark.parametrize("text", ["", "{", "[]", "\ufeff{}", "\x00"])
def test_a_file_that_is_no_json_object_is_named(folder: ContractFolder, text: str) -> None:
    folder.path.mkdir()
    (folder.path / "pay.json").write_text(text)
    with pytest.raises(ContractError, match=r"pay\.json is no"):
        folder.read()


def test_a_missing_folder_is_named_with_what_writes_it(folder: ContractFolder) -> None:
    with pytest.raises(ContractError, match=r"no folder .*contracts.*contract export --to"):
        folder.read()


def test_a_contract_of_another_service_is_named(folder: ContractFolder) -> None:
    folder.check_service([contract()], ["billing", "shop"])
    with pytest.raises(ContractError, match=r"send\.json is of service 'shop'; this is 'billing'"):
        folder.check_service([contract()], ["billing"])


def test_jobs_whose_files_would_be_one_are_refused(folder: ContractFolder) -> None:
    with pytest.raises(ContractError, match=r"Pay\.json and pay\.json are one file"):
        folder.write([contract("Pay"), contract("pay")], {})


def test_a_folder_that_cannot_be_written_is_named(folder: ContractFolder) -> None:
    folder.path.write_text("a file")
    with pytest.raises(ContractError, match=r"Can't write to"):
        folder.write([contract()], {})
