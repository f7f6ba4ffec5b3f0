"""What a check says of a payload's version."""

from __future__ import annotations

from midday_worker import JobContext, JobRegistry, Payload, job
from midday_worker.contract.change import Change
from midday_worker.contract.check import check, contracts_of
from midday_worker.contract.document import Contract


class Old(Payload):
    user_id: str


class New(Payload):
    recipient_id: str


def written(version: int) -> dict[str, Contract]:
    registry = JobRegistry()

    async def handle(data: Old, ctx: JobContext) -> None: ...

    job("notify", Old, handle, version=version, registry=registry)
    return dict(contracts_of(registry, "shop"))


def found(version: int, *upcast_from: int) -> list[Change]:
    """Return what a check says of a renamed field, against a contract of version 2."""
    registry = JobRegistry()

    async def handle(data: New, ctx: JobContext) -> None: ...

    definition = job("notify", New, handle, version=version, registry=registry)
    for number in upcast_from:

        @definition.upcast(from_version=number)
        def _(old: dict[str, object]) -> dict[str, object]:
            return {"recipientId": old["userId"]}

    return check(registry, written(2), "shop")


def test_a_newer_version_with_an_upcaster_from_the_written_one_is_safe() -> None:
    assert [(each.rule, each.breaking) for each in found(3, 2)] == [("upcast", False)]
    assert [(each.rule, each.breaking) for each in found(4, 2, 3)] == [("upcast", False)]


def test_a_newer_version_without_one_breaks() -> None:
    rules = {each.rule for each in found(3) if each.breaking}
    assert "version without an upcaster" in rules
    assert "version without an upcaster" in {each.rule for each in found(4, 3) if each.breaking}


def test_an_older_version_breaks() -> None:
    assert "version lowered" in {each.rule for each in found(1) if each.breaking}
