"""A job's hash as attributes of BullMQ's `Job`: what the port's `Job.fromJSON` makes of it, in less time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias, cast

from bullmq.job import optsDecodeMap

RawJob: TypeAlias = Mapping[str, str]

PARKED: Final = "parked"
"""The field of a job's hash that counts how often it was parked: ours, which BullMQ's scripts keep and drop with it."""

RESULT_VERSION: Final = "resultVersion"
"""The field that holds the version of a result, where that isn't 1: ours, as PARKED."""

_POLICIES: Final = {
    "failParentOnFailure": "fpof",
    "removeDependencyOnFailure": "rdof",
    "ignoreDependencyOnFailure": "idof",
    "continueParentOnFailure": "cpof",
}


def parse_fields(raw: RawJob) -> dict[str, object]:
    """Return the attributes of a stored job. Raises ValueError, TypeError or AttributeError if it can't be read."""
    attempts, filled, nested = _decoded(_text(raw, "opts") or "{}")
    options = dict(filled)
    for name in nested:  # copied too: it is a job's own, though its text may be another's
        options[name] = dict(cast("dict[str, object]", options[name]))
    fields: dict[str, object] = dict(_ABSENT)
    for field, text in raw.items():  # a job that is fetched has a third of what there may be
        read = _READ.get(field)
        if read is not None:
            fields[read[0]] = read[1](text)
    fields["name"], fields["data"] = _text(raw, "name"), json.loads(_text(raw, "data", "{}"))
    fields["opts"], fields["attempts"] = options, attempts
    fields["attemptsMade"] = int(raw.get("attemptsMade") or raw.get("atm") or 0)
    if "stacktrace" not in raw:
        fields["stacktrace"] = []
    for name in _RETENTIONS & options.keys():
        fields[name] = options[name]
    if "deduplication" in options:
        fields["deduplication_id"] = _identifier(options["deduplication"])
    if parent := options.get("parent"):
        _add_parent(fields, cast("Mapping[str, object]", parent), options)
    return fields


def _text(raw: RawJob, field: str, default: str = "") -> str:
    text = raw.get(field, default)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:  # the connection escapes bytes that it can't decode
            raise ValueError(f"its {field} holds bytes that are not UTF-8") from None
    return text


@lru_cache(maxsize=512)
def _decoded(text: str) -> tuple[object, Mapping[str, object], Sequence[str]]:
    """Return what options say of attempts, the options as an attribute, and the names of those that are objects.

    Jobs of one kind have the same options, letter for letter.
    """
    stored = cast("Mapping[str, object]", json.loads(text))
    options = {optsDecodeMap.get(name, name): value for name, value in stored.items()}
    attempts = options.get("attempts", 1)
    if isinstance(backoff := options.get("backoff"), int) and not isinstance(backoff, bool):
        options["backoff"] = {"type": "fixed", "delay": backoff}
    if options.get("attempts") is None:
        options["attempts"] = 0
    options.setdefault("delay", 0)
    options.setdefault("backoff", None)
    return attempts, options, [name for name, value in options.items() if isinstance(value, dict)]


def _add_parent(fields: dict[str, object], parent: Mapping[str, object], options: Mapping[str, object]) -> None:
    if sum(bool(options.get(policy)) for policy in _POLICIES) > 1:
        raise ValueError("its options hold more than one policy for its parent")
    if fields["parent"] is None:
        flags = {flag: True for policy, flag in _POLICIES.items() if options.get(policy)}
        fields["parent"] = {"id": parent.get("id"), "queueKey": parent.get("queue"), **flags}
    fields["parentKey"] = fields["parentKey"] or f"{parent.get('queue')}:{parent.get('id')}"


def _identifier(deduplication: object) -> object:
    return cast("dict[str, object]", deduplication).get("id") if isinstance(deduplication, dict) else None


def _value(text: str | None) -> object:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _count(text: str) -> int:
    return int(text or 0)


def _filled(text: str) -> str | None:
    return text or None


_READ: Final[Mapping[str, tuple[str, Callable[[str], object]]]] = {
    "progress": ("progress", json.loads),
    **{name: (name, int) for name in ("timestamp", "delay", "priority")},
    "ats": ("attemptsStarted", _count),
    "stc": ("stalledCounter", _count),
    **{name: (name, _count) for name in ("processedOn", "finishedOn")},
    "pb": ("processedBy", str),
    "returnvalue": ("returnvalue", _value),
    "stacktrace": ("stacktrace", json.loads),
    **{name: (name, _filled) for name in ("failedReason", "parentKey")},
    "defa": ("deferredFailure", _filled),
    "rjk": ("repeatJobKey", _filled),
    "parent": ("parent", lambda text: json.loads(text) if text else None),
}
"""By its name in the hash: the attribute, and what makes its value."""

_ABSENT: Final[Mapping[str, object]] = {
    **dict.fromkeys(("name", "data", "opts", "attempts", "stacktrace")),
    **dict.fromkeys(("progress", "timestamp", "delay", "priority", "attemptsMade", "attemptsStarted"), 0),
    **dict.fromkeys(("stalledCounter", "processedOn", "finishedOn"), 0),
    **dict.fromkeys(("processedBy", "returnvalue", "failedReason", "deferredFailure", "repeatJobKey")),
    **dict.fromkeys(("deduplication_id", "parentKey", "parent", "token")),
    "removeOnComplete": True,
    "removeOnFail": False,
    "discarded": False,
}
"""What a job has of which its hash says nothing."""

_RETENTIONS: Final = frozenset({"removeOnComplete", "removeOnFail"})
