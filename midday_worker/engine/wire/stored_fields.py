"""A job's hash as attributes of BullMQ's `Job`: what the port's `Job.fromJSON` makes of it, in less time."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    stored = _decoded(_text(raw, "opts") or "{}")
    options = _filled(stored)
    parent = options.get("parent")
    fields: dict[str, object] = {
        "name": _text(raw, "name") or "",
        "data": json.loads(_text(raw, "data", "{}")),
        "opts": options,
        "progress": json.loads(raw["progress"]) if "progress" in raw else 0,
        "timestamp": int(raw.get("timestamp", 0)),
        "delay": int(raw.get("delay", 0)),
        "priority": int(raw.get("priority", 0)),
        "attempts": stored.get("attempts", 1),
        "attemptsMade": int(raw.get("attemptsMade") or raw.get("atm") or 0),
        "attemptsStarted": int(raw.get("ats") or 0),
        "stalledCounter": int(raw.get("stc") or 0),
        "processedOn": int(raw.get("processedOn") or 0),
        "processedBy": raw.get("pb"),
        "finishedOn": int(raw.get("finishedOn") or 0),
        "returnvalue": _value(raw.get("returnvalue")),
        "stacktrace": json.loads(raw["stacktrace"]) if "stacktrace" in raw else [],
        "failedReason": raw.get("failedReason") or None,
        "deferredFailure": raw.get("defa") or None,
        "repeatJobKey": raw.get("rjk") or None,
        "removeOnComplete": options.get("removeOnComplete", True),
        "removeOnFail": options.get("removeOnFail", False),
        "deduplication_id": _identifier(options.get("deduplication")),
        "parentKey": raw.get("parentKey") or None,
        "parent": json.loads(raw["parent"]) if raw.get("parent") else None,
        "discarded": False,
        "token": None,
    }
    if parent:
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


def _filled(stored: Mapping[str, object]) -> dict[str, object]:
    # What is nested is copied too: it is a job's own, though its text may be another's.
    options = {
        name: dict(cast("dict[str, object]", value)) if isinstance(value, dict) else value
        for name, value in stored.items()
    }
    if isinstance(backoff := options.get("backoff"), int) and not isinstance(backoff, bool):
        options["backoff"] = {"type": "fixed", "delay": backoff}
    if options.get("attempts") is None:
        options["attempts"] = 0
    options.setdefault("delay", 0)
    options.setdefault("backoff", None)
    return options


@lru_cache(maxsize=512)
def _decoded(text: str) -> Mapping[str, object]:
    # Jobs of one kind have the same options, letter for letter.
    stored = cast("Mapping[str, object]", json.loads(text))
    return {optsDecodeMap.get(name, name): value for name, value in stored.items()}


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
