"""The input: what its lines hold, and what is wrong with some."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, cast

from pydantic import ValidationError

from midday_worker.definition.definition import JobDefinition
from midday_worker.demo.orders import Order, PlacedOrder, place_order_job
from midday_worker.demo.sign_ups import SignedUp, SignUp, sign_up_job

INPUT: Final = Path(__file__).with_name("input.jsonl")
PRODUCER: Final = Path(__file__).with_name("producer.mjs")

NODES_SHARE: Final = 4
"""Every fourth line is Node's to add."""

InputJob: TypeAlias = JobDefinition[SignUp, SignedUp] | JobDefinition[Order, PlacedOrder]

_DEFINITIONS: Final[dict[str, InputJob]] = {"sign-up": sign_up_job, "order": place_order_job}
_MODELS: Final[dict[str, type[SignUp | Order]]] = {"sign-up": SignUp, "order": Order}
_KEYS: Final = {"sign-up": "userId", "order": "orderId"}

Record: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the input.

    Attributes:
        number: from 1 on.
        text: the line.
        record: the JSON object, if it is one of a type for which there is a job.
        refusal: why it isn't, otherwise.
    """

    number: int
    text: str
    record: Record | None
    refusal: str

    @property
    def by_node(self) -> bool:
        """Whether Node adds it."""
        return self.number % NODES_SHARE == 0

    @property
    def definition(self) -> InputJob:
        """The job that it becomes."""
        return _DEFINITIONS[self._type]

    @property
    def job(self) -> str:
        """That job's name."""
        return self.definition.id

    @property
    def job_id(self) -> str:
        """The job's id: the same for a line that is there twice."""
        key = self.data.get(_KEYS[self._type])
        return f"{self.job}-{f'line-{self.number}' if key is None else key}"

    @property
    def data(self) -> Record:
        """The job's payload, not checked."""
        return {name: value for name, value in (self.record or {}).items() if name != "type"}

    @property
    def _type(self) -> str:
        return str((self.record or {})["type"])

    def parse(self) -> SignUp | Order | None:
        """Return what the line says, or None if it doesn't match its job's schema."""
        if self.record is None:
            return None
        try:
            return _MODELS[self._type].model_validate(self.data)
        except ValidationError:
            return None


def read_lines(path: Path = INPUT) -> list[Line]:
    """Return the lines of the input."""
    return list(_lines(path.read_text("utf-8")))


def _lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield Line(number, line, *_read(line))


def _read(text: str) -> tuple[Record | None, str]:
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError as error:
        return None, f"not JSON: {error.msg} at column {error.colno}"
    if not isinstance(value, dict):
        return None, "not a JSON object"
    record = cast("Record", value)
    if str(record.get("type")) not in _DEFINITIONS:
        return None, f"no job for type {json.dumps(record.get('type'))}"
    return record, ""
