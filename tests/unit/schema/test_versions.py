"""How stored values of older versions are read."""

from __future__ import annotations

from typing import cast

import pytest

from midday_worker import DefinitionError, JobContext, JobRegistry, Payload, job
from midday_worker.schema.schema import InvalidValue, Schema
from midday_worker.schema.versions import Versions


class Notice(Payload):
    recipient_id: str
    urgent: bool = False


Stored = dict[str, object]


def rename(old: object) -> object:
    stored = cast("Stored", old)
    return {**stored, "recipientId": stored["userId"]}


def versions(newest: int = 2) -> Versions[Notice]:
    found = Versions(Schema(Notice), newest)
    found.add(newest - 1, rename)
    return found


def test_an_old_value_is_brought_to_the_newest_version_first() -> None:
    assert versions().parse({"userId": "u1"}, 1) == Notice(recipient_id="u1")


def test_a_chain_runs_from_the_version_of_the_value() -> None:
    chain = Versions(Schema(int), 4)
    chain.add(1, lambda old: cast("int", old) * 10 + 1)
    chain.add(2, lambda old: cast("int", old) * 10 + 2)
    chain.add(3, lambda old: cast("int", old) * 10 + 3)
    assert [chain.parse(0, version) for version in (1, 2, 3, 4)] == [123, 23, 3, 0]


def test_versions_before_the_first_upcaster_are_as_that() -> None:
    assert versions(5).parse({"userId": "u1"}, 2) == Notice(recipient_id="u1")


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_new_value_is_read_whatever_its_stamp_says(version: int) -> None:
    assert versions().parse({"recipientId": "u2"}, version) == Notice(recipient_id="u2")


def test_unknown_keys_do_not_make_an_old_value_pass_as_it_is() -> None:
    found = Versions(Schema(Notice), 2)
    found.add(1, lambda old: {**cast("Stored", old), "urgent": cast("Stored", old)["priority"] == 1})
    assert found.parse({"recipientId": "u1", "priority": 1}, 1).urgent


def test_an_upcaster_that_changes_its_argument_changes_nothing_that_is_stored() -> None:
    def move(old: object) -> object:
        stored = cast("Stored", old)
        stored["recipientId"] = cast("list[str]", stored.pop("users")).pop()
        return stored

    found = Versions(Schema(Notice), 2)
    found.add(1, move)
    stored: Stored = {"users": ["u1"]}
    assert found.parse(stored, 1).recipient_id == "u1"
    assert stored == {"users": ["u1"]}


def none(old: object) -> object:
    return None


@pytest.mark.parametrize(
    ("upcaster", "said"),
    [
        (rename, "the upcaster from version 1 raised KeyError at "),
        (none, "what the upcasters from version 1 return is invalid: Input should be an object"),
    ],
)
def test_what_is_wrong_with_an_upcaster_is_said_beside_what_is_wrong_with_the_value(
    upcaster: object, said: str
) -> None:
    found = Versions(Schema(Notice), 2)
    found.add(1, cast("type", upcaster))
    with pytest.raises(InvalidValue) as caught:
        found.parse({"id": "u1"}, 1)
    assert said in str(caught.value)
    assert "recipientId: Field required" in str(caught.value)


def test_a_value_of_no_known_version_has_to_be_valid_in_one_way() -> None:
    assert versions().parse_unknown({"userId": "u1"}) == Notice(recipient_id="u1")
    assert versions().parse_unknown({"recipientId": "u1"}) == Notice(recipient_id="u1")
    same = versions().parse_unknown({"recipientId": "u1", "userId": "u1"})
    assert same == Notice(recipient_id="u1")
    with pytest.raises(InvalidValue, match="its version isn't known, and it is valid as of versions 1 and 2"):
        versions().parse_unknown({"recipientId": "u1", "userId": "u2"})
    with pytest.raises(InvalidValue, match="recipientId: Field required"):
        versions().parse_unknown({})


async def handle(data: Notice, ctx: JobContext) -> str:
    return data.recipient_id


def test_an_upcaster_that_would_have_to_be_awaited_is_refused() -> None:
    notice = job("notice", Notice, handle, version=2, registry=JobRegistry())

    async def looked_up(old: dict[str, object]) -> dict[str, object]:
        return old

    with pytest.raises(DefinitionError, match="can't have this upcaster: it is async; accepted: a plain function"):
        notice.upcast(from_version=1)(looked_up)


@pytest.mark.parametrize(
    ("newest", "from_version", "said"),
    [
        (1, 1, "from_version is 1; accepted: none, as version= is 1"),
        (3, 0, "from_version is 0; accepted: 1 to 2"),
        (3, 3, "from_version is 3; accepted: 1 to 2"),
        (3, True, "from_version is True; accepted: 1 to 2"),
        (3, 2, "there is another upcaster from version 2"),
    ],
)
def test_an_upcaster_that_leads_nowhere_is_refused(newest: int, from_version: int, said: str) -> None:
    notice = job("notice", Notice, handle, version=newest, registry=JobRegistry())
    if from_version == 2:
        notice.upcast(from_version=2)(rename)
    with pytest.raises(DefinitionError, match=f"Job 'notice' at .* can't have this upcaster: {said}"):
        notice.upcast(from_version=from_version)(rename)


def test_a_gap_between_versions_is_refused() -> None:
    notice = job("notice", Notice, handle, version=4, registry=JobRegistry())
    notice.upcast(from_version=3)(rename)
    notice.check_versions()
    notice.upcast_result(from_version=1)(rename)
    with pytest.raises(DefinitionError, match=r"has version=4, .* results .* but none from_version=2"):
        notice.check_versions()


@pytest.mark.parametrize("version", [0, -1, True, "2", 1.5])
def test_a_version_is_an_integer_from_1(version: object) -> None:
    with pytest.raises(DefinitionError, match="accepted: an integer from 1"):
        job("notice", Notice, handle, version=cast("int", version), registry=JobRegistry())


@pytest.mark.parametrize("made", [{1, 2}, object(), {"recipientId": "u1", "urgent": {1}}])
def test_what_an_upcaster_returns_that_is_no_json_is_as_any_invalid_value(made: object) -> None:
    found = Versions(Schema(Notice), 2)
    found.add(1, lambda old: made)
    assert found.parse({"recipientId": "u2"}, 1) == Notice(recipient_id="u2")
    assert found.parse_unknown({"recipientId": "u2"}) == Notice(recipient_id="u2")
    with pytest.raises(InvalidValue, match="what the upcasters from version 1 return is invalid: no JSON"):
        found.parse({}, 1)


def test_a_value_as_deep_as_json_can_be_is_upcast() -> None:
    deep: object = 0
    for _ in range(500):
        deep = [deep]
    assert versions().parse({"userId": "u1", "deep": deep}, 1) == Notice(recipient_id="u1")
