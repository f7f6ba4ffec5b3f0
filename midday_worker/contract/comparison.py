"""`compare`: the contract of a job as it was written, and as the code has it now."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

from pydantic import JsonValue

from midday_worker.contract.acceptance import refusals
from midday_worker.contract.change import NO_SAMPLE, Change, Side, in_words, named, shown
from midday_worker.contract.conformity import conforms
from midday_worker.contract.document import Contract
from midday_worker.contract.fields import Field, Path, fields
from midday_worker.contract.refusal import Refusal
from midday_worker.contract.samples import samples
from midday_worker.contract.schema_document import SchemaDocument

Refuses: TypeAlias = Callable[[JsonValue], Collection[str] | None]
"""Returns the paths of what is wrong with a value that is read, or None for a valid one."""


def compare(old: Contract, new: Contract, reads: Refuses, *, upcast: bool = False) -> list[Change]:
    """Return what has changed, what breaks something first.

    Args:
        old: as the file has it.
        new: as the code has it.
        reads: whether the code refuses a value: of payloads, or, of a job that is run elsewhere, of results.
        upcast: whether payloads of older versions are brought up to the new one before they are validated.
    """
    found = list(_whole(old, new, upcast))
    if old.handled == new.handled:
        payload, result = _Half("payload", old, new), _Half("result", old, new)
        found += payload.changes(reads if new.handled else None, upcast=upcast and new.version > old.version)
        found += result.changes(None if new.handled else reads)
    if not found and old != new.model_copy(update={"history": old.history}):
        found.append(Change(new.job, "job", "", "described", False, "only texts or examples have changed"))
    return sorted(found, key=lambda change: not change.breaking)


def _whole(old: Contract, new: Contract, upcast: bool) -> Iterator[Change]:
    def change(rule: str, text: str, advice: str) -> Change:
        return Change(new.job, "job", "", rule, bool(advice), text, advice)

    if old.queue != new.queue:
        yield change(
            "queue changed",
            f"{old.queue} was the queue, now it is {new.queue}: what is added to {old.queue} is not run",
            f"Keep a worker of the old code on {old.queue} until nobody adds to it and it is empty; then accept it.",
        )
    if old.handled != new.handled:
        runs, ran = (("runs it now", "was run elsewhere"), ("doesn't run it any more", "was run here"))[old.handled]
        yield change(
            "run elsewhere", f"this service {runs}; it {ran}", "Accept the change when the other side runs it."
        )
    if new.version < old.version:
        yield change("version lowered", f"from {old.version} to {new.version}", "Versions only grow.")
    elif new.version > old.version and not upcast:
        yield change(
            "version without an upcaster",
            f"from {old.version} to {new.version}, and nothing reads what is of version {old.version}",
            "Add what brings older payloads up to the new version.",
        )
    if old.options != new.options:
        yield change("options changed", "jobs without options of their own get others", "")


@dataclass(frozen=True, slots=True)
class _Half:
    """The payloads, or the results."""

    side: Side
    old: Contract
    new: Contract

    def changes(self, refuses: Refuses | None, *, upcast: bool = False) -> list[Change]:
        """Return what has changed. `refuses` tells of values that are read; None for what is written."""
        before, now = (SchemaDocument(self._schema(each)) for each in (self.old, self.new))
        was, is_now = fields(before), fields(now)
        reads = refuses is not None
        found = refusals(before, now) if reads else refusals(now, before)
        if upcast:
            return (
                [replace(self._change((), "upcast", "older ones are brought up to it"), breaking=False)]
                if found
                else []
            )
        renamed = _renamed(was, is_now) if reads else {}
        breaking = [self._renamed(path, former) for path, former in renamed.items()]
        breaking += _merged(self._breaking(each, reads, was, is_now) for each in found if each.path not in renamed)
        told_of = {*(each.path for each in breaking), *map(shown, renamed.values())}
        return [*self._sampled(breaking, before, now, refuses), *self._safe(was, is_now, told_of)]

    def _schema(self, of: Contract) -> dict[str, JsonValue]:
        return of.payload if self.side == "payload" else of.result or {}

    def _change(self, path: Path, rule: str, text: str, advice: str = "") -> Change:
        return Change(self.new.job, self.side, shown(path), rule, True, text, advice)

    def _breaking(self, found: Refusal, reads: bool, was: dict[Path, Field], now: dict[Path, Field]) -> Change:
        kind = named(found, reads=reads, both_have_it=found.path in was and found.path in now)
        return self._change(found.path, kind.rule, in_words(found, reads=reads), kind.advice)

    def _renamed(self, path: Path, former: Path) -> Change:
        names = f'"{path[-1]}", "{former[-1]}"'
        return self._change(
            path,
            "renamed",
            f"it seems to be what {shown(former)} was, which is written still, and isn't read any more",
            f"Read it by both names: Field(validation_alias=AliasChoices({names})).",
        )

    def _safe(self, was: dict[Path, Field], now: dict[Path, Field], told_of: Collection[str]) -> Iterator[Change]:
        for path in sorted(was.keys() | now.keys()):
            before, after, known = was.get(path), now.get(path), shown(path)
            within = any(each and known.startswith((f"{each}.", f"{each}[")) for each in told_of)
            if before != after and not within and known not in told_of:
                yield replace(self._change(path, *_safely(before, after)), breaking=False)

    def _sampled(
        self, found: list[Change], before: SchemaDocument, now: SchemaDocument, refuses: Refuses | None
    ) -> list[Change]:
        if not found:
            return []
        told_of: dict[str, JsonValue] = {}
        for value in samples(before if refuses is not None else now):
            writer = before if refuses is not None else now
            if conforms(value, cast("JsonValue", writer.root), writer) is False:
                continue
            if refuses is None:
                if conforms(value, cast("JsonValue", before.root), before) is False:
                    told_of.setdefault("", value)
                continue
            for path in refuses(value) or ():
                told_of.setdefault(path, value)
        return [replace(change, sample=_sample_of(change, told_of, alone=len(found) == 1)) for change in found]


def _merged(found: Iterable[Change]) -> list[Change]:
    """Return changes of which no two are of the same kind and property."""
    by_kind: dict[tuple[str, str], Change] = {}
    for each in found:
        kind = each.path, each.rule
        known = by_kind.get(kind)
        by_kind[kind] = each if known is None else replace(known, text=f"{known.text}; {each.text}")
    return list(by_kind.values())


def _safely(before: Field | None, after: Field | None) -> tuple[str, str]:
    if before is None:
        return "added", "who doesn't know it is not affected"
    if after is None:
        return "removed", "what is still written is ignored"
    if before.own == after.own and before.required == after.required:
        return "described", "its texts or its default have changed"
    return "changed", "all that was allowed still is"


def _renamed(was: dict[Path, Field], now: dict[Path, Field]) -> dict[Path, Path]:
    """Return, of each property that is new beside one that is gone and was the same, the path of that one."""
    found: dict[Path, Path] = {}
    for former in sorted(was.keys() - now.keys()):
        new = [path for path in now.keys() - was.keys() if _may_be(path, former, was, now) and path not in found]
        if new:
            found[max(new, key=lambda path: (now[path].required, _likeness(path, former), path))] = former
    return found


def _may_be(path: Path, former: Path, was: dict[Path, Field], now: dict[Path, Field]) -> bool:
    beside = len(path) == len(former) and path[:-1] == former[:-1] and path[:-1] in was and path[-1][0] not in "[{"
    return beside and was[former].shape == now[path].shape


def _likeness(path: Path, former: Path) -> float:
    return difflib.SequenceMatcher(None, path[-1], former[-1]).ratio()


def _sample_of(change: Change, told_of: dict[str, JsonValue], *, alone: bool) -> JsonValue | object:
    wanted = [step for step in change.path.replace("[", ".[").split(".") if step and step[0] not in "[{"]
    for path, value in told_of.items():
        steps = path.split(".")
        if all(step in steps for step in wanted):
            return value
    return next(iter(told_of.values()), NO_SAMPLE) if alone and change.rule != "renamed" else NO_SAMPLE
