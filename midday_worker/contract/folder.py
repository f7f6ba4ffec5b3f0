"""`ContractFolder`: the files of a service's contracts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from pydantic import ValidationError

from midday_worker.contract.document import FORMAT, Contract
from midday_worker.contract.schema_document import malformed
from midday_worker.errors import ContractError

_PLAIN: Final = re.compile(r"[^A-Za-z0-9_.-]")
PRODUCER: Final = "producer"
"""The name of the module that adds jobs; a job of this name has files of another one."""
WRITTEN_BY_US: Final = "// Written by `midday-worker contract export`. Changes made by hand are lost."


def stem(job: str) -> str:
    """Return the name of a job's files, without their ending; other characters than these are written as numbers.

    >>> stem("send-invoice"), stem("invoice:send"), stem("producer")
    ('send-invoice', 'invoice=3a=send', 'producer=')
    """
    made = _PLAIN.sub(lambda found: f"={ord(found[0]):x}=", job)
    return f"{made}=" if made == PRODUCER else made


@dataclass(frozen=True, slots=True)
class ContractFolder:
    """A folder with a file for each job, `<job>.json`, and what is made of it for TypeScript."""

    path: Path

    def read(self) -> dict[str, Contract]:
        """Return the contracts by their jobs.

        Raises:
            ContractError: the folder isn't there, or a file in it is no contract.
        """
        if not self.path.is_dir():
            raise ContractError(
                f"There is no folder {self.path}. Write the contracts: midday-worker contract export --to {self.path}"
            )
        found: dict[str, Contract] = {}
        for file in sorted(self.path.glob("*.json")):
            contract = _contract(file)
            if file.stem != stem(contract.job):
                raise ContractError(
                    f"{file} is the contract of job {contract.job!r}, whose file is {stem(contract.job)}.json."
                )
            found[contract.job] = contract
        return found

    def check_service(self, contracts: Iterable[Contract], packages: Iterable[str]) -> None:
        """Raise ContractError for contracts of another service than the one that these packages are of."""
        known = list(packages)
        for contract in contracts:
            if contract.service not in known:
                raise ContractError(
                    f"{self.path / stem(contract.job)}.json is of service {contract.service!r}; this is "
                    f"{' and '.join(map(repr, known))}. Each service has a folder of its own (--contracts); if it has "
                    "another name now, write it into the files."
                )

    def write(self, contracts: Iterable[Contract], modules: Mapping[str, str]) -> list[str]:
        """Write contracts and TypeScript modules, by their names, and remove those of ours that are no longer written.

        Returns:
            The names of the files that have changed.

        Raises:
            ContractError: two jobs would have one file, or the folder can't be written.
        """
        texts = {f"{stem(each.job)}.json": each.text() for each in contracts} | dict(modules)
        by_name: dict[str, str] = {}
        for name in texts:
            other = by_name.setdefault(name.casefold(), name)
            if other != name:
                raise ContractError(
                    f"{other} and {name} are one file on many systems: give one of the jobs another name."
                )
        try:
            return self._write(texts)
        except OSError as error:
            raise ContractError(f"Can't write to {self.path}: {error.strerror}.") from error

    def _write(self, texts: Mapping[str, str]) -> list[str]:
        self.path.mkdir(parents=True, exist_ok=True)
        changed: list[str] = []
        for file in [*self.path.glob("*.json"), *self.path.glob("*.ts")]:
            if file.name not in texts and _is_ours(file):
                file.unlink()
                changed.append(file.name)
        for name, text in sorted(texts.items()):
            file = self.path / name
            if not file.exists() or file.read_text() != text:
                file.write_text(text)
                changed.append(name)
        return changed


def _is_ours(file: Path) -> bool:
    if file.suffix == ".ts":
        return file.read_text().startswith(WRITTEN_BY_US)
    try:
        return file.stem == stem(_contract(file).job)
    except ContractError:
        return False


def _contract(file: Path) -> Contract:
    try:
        read = cast("object", json.loads(file.read_text()))
    except (OSError, ValueError) as error:
        raise ContractError(f"{file} is no JSON: {error}") from error
    if not isinstance(read, dict):
        raise ContractError(f"{file} is no contract: it holds no object.")
    found = cast("dict[str, object]", read)
    number = found.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise ContractError(
            f"{file} is of format {number}, of a newer version of midday-worker; this one reads up to {FORMAT}. "
            "Update midday-worker."
        )
    try:
        contract = Contract.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ContractError(
            f"{file} is no contract: {place}: {first['msg']}. Take it from version control, or write it anew."
        ) from error
    for side, schema in (("payload", contract.payload), ("result", contract.result)):
        if wrong := malformed(schema or {}):
            raise ContractError(f"{file}: its {side} is no JSON Schema: {wrong[0]}.")
    return contract
