"""Whatever is changed: what the check calls safe refuses nothing, and the sample of a breaking change is refused."""

from __future__ import annotations

import random
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from midday_worker.contract.change import NO_SAMPLE
from midday_worker.contract.comparison import compare
from midday_worker.contract.conformity import conforms
from midday_worker.contract.document import Contract
from midday_worker.contract.json_schema import schema_of
from midday_worker.contract.schema_document import SchemaDocument
from midday_worker.errors import SchemaError
from midday_worker.schema.schema import InvalidValue, Schema
from tests.unit.contract.random_types import changed, payload_of, random_spec, type_of


def contract(schema: Schema[object]) -> Contract:
    payload = schema_of(schema.adapter, "validation")
    return Contract(service="shop", job="pay", queue="payments", payload=payload)


def refused(schema: Schema[object], value: JsonValue) -> list[str] | None:
    try:
        schema.validate_wire(value)
    except InvalidValue as error:
        return [problem.path for problem in error.problems]
    return None


def compare_pair(seed: int, payloads: int) -> bool | None:
    """Compare a random type with what it was before a change; return whether it is safe, None if it can't travel."""
    rng = random.Random(seed)  # noqa: S311 - a test
    before = random_spec(rng)
    after = changed(before, rng)
    try:
        old, new = (Schema(cast("type[object]", type_of(each))) for each in (before, after))
    except SchemaError:  # a union whose members are written alike
        return None
    known = contract(old)
    document = SchemaDocument(known.payload)
    found = compare(known, contract(new), lambda value: refused(new, value))
    breaking = [change for change in found if change.breaking]
    for change in breaking:
        if change.sample is not NO_SAMPLE and change.rule != "renamed":
            sample = cast("JsonValue", change.sample)
            assert refused(old, sample) is None, (change, before)
            assert refused(new, sample) is not None, (change, after)
    if breaking:
        return False
    for _ in range(payloads):
        value = payload_of(before, rng)
        allowed = (
            refused(old, value) is None and conforms(value, cast("JsonValue", document.root), document) is not False
        )
        assert not allowed or refused(new, value) is None, (value, before, after, found)
    return True


@given(seed=st.integers(0, 2**32))
@settings(max_examples=30)
def test_nothing_that_a_safe_change_allows_is_refused(seed: int) -> None:
    compare_pair(seed, 200)


@pytest.mark.long
@given(seed=st.integers(0, 2**32))
@settings(max_examples=200)
def test_nothing_that_a_safe_change_allows_is_refused_by_200_pairs(seed: int) -> None:
    compare_pair(seed, 1_000)


def test_random_changes_are_of_both_kinds() -> None:
    verdicts = [compare_pair(seed, 0) for seed in range(30)]
    assert verdicts.count(True) > 5
    assert verdicts.count(False) > 5
