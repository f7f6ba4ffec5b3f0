"""Which runs are meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from midday_worker import InvalidInputError
from midday_worker.admin import Cut
from midday_worker.admin.runs import Cursor, Run, RunChoice, Tag
from midday_worker.admin.runs.scan_position import ScanPosition

DATA = {"teamId": 5, "user": {"id": "ada", "tags": ["new", "vip"]}, "a.b": True, "note": None, "name": "Åse=x"}


RUN = Run(queue="emails", id="id-1", name="send-mail", state="failed", at_ms=10)
CHOICE = RunChoice(queues=("emails",))


@pytest.mark.parametrize(
    "tag", ["teamId=5", "user.id=ada", "user.tags=vip", "a.b=true", "note=null", "name=Åse=x", " teamId = 5 "]
)
def test_a_tag_is_a_field_s_name_on_the_wire_and_its_value_as_text(tag: str) -> None:
    assert Tag.parse(tag).is_of(DATA)


@pytest.mark.parametrize("tag", ["teamId=05", "teamid=5", "user.id=Ada", "user=ada", "user.id.x=ada", "missing=null"])
def test_another_name_or_value_is_another_tag(tag: str) -> None:
    assert not Tag.parse(tag).is_of(DATA)


@pytest.mark.parametrize("data", [None, 5, "teamId=5", [{"teamId": 5}], Cut(70_000)])
def test_what_is_no_object_has_no_tags(data: object) -> None:
    assert not Tag("teamId", "5").is_of(data)


@pytest.mark.parametrize("text", ["teamId", "=5", "", "  =5"])
def test_a_tag_without_a_name_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="teamId=5"):
        Tag.parse(text)


@pytest.mark.parametrize("text", ["ID-1", "send-MAIL", '"ada"', "åse", "no such user", '"teamId":5'])
def test_a_text_is_looked_for_in_id_name_payload_and_failure_whatever_its_case(text: str) -> None:
    assert replace(CHOICE, text=text).finds(replace(RUN, data=DATA, reason="No such user"))


def test_all_tags_and_the_text_must_be_there() -> None:
    assert replace(CHOICE, tags=(Tag("teamId", "5"),), text="ada").finds(replace(RUN, data=DATA))
    assert not replace(CHOICE, tags=(Tag("teamId", "5"), Tag("teamId", "6"))).finds(replace(RUN, data=DATA))
    assert not replace(CHOICE, tags=(Tag("teamId", "5"),), text="eve").finds(replace(RUN, data=DATA))


def test_only_named_jobs_up_to_the_time_are_meant() -> None:
    assert replace(CHOICE, jobs=frozenset({"send-mail"}), until_ms=10).may_mean(RUN)
    assert not replace(CHOICE, jobs=frozenset({"send"})).may_mean(RUN)
    assert not replace(CHOICE, until_ms=9).may_mean(RUN)


def test_what_is_too_large_to_be_searched_is_said_so_only_where_something_is_searched() -> None:
    assert replace(CHOICE, text="x").cannot_search(replace(RUN, data=Cut(70_000)))
    assert replace(CHOICE, tags=(Tag("a", "b"),)).cannot_search(replace(RUN, readable=False))
    assert not replace(CHOICE, jobs=frozenset({"send-mail"})).cannot_search(replace(RUN, data=Cut(70_000)))
    assert not replace(CHOICE, text="x").cannot_search(replace(RUN, data=DATA))


def test_a_cursor_comes_back_as_it_was() -> None:
    places = {("a/é", "wait"): ScanPosition("x:%/", "", 7), ("emails", "failed"): ScanPosition("1", "1.7e+15", 0)}
    assert Cursor.parse(Cursor(places, 12).text) == Cursor(places, 12)
    assert Cursor.parse(None) == Cursor()


@pytest.mark.parametrize("text", ["x", "====", "e30=", "eJyrrgUAAXUA-Q==", "\ud800", "é", "A" * 50_000])
def test_a_cursor_of_somebody_else_s_making_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        Cursor.parse(text)


@pytest.mark.parametrize(
    "place", [["x", "nan", 0], ["x", "1;2", 0], ["x", "", -1], ["\ud800", "", 0], ["x", "", 2**60], [1, "", 0], []]
)
def test_a_place_that_redis_couldn_t_be_asked_for_is_refused(place: list[object]) -> None:
    with pytest.raises(ValueError, match=r"no place|surrogates|could not convert"):
        ScanPosition.of(place)
