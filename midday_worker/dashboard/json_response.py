"""Answers in JSON, whatever is in them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Final, cast

from starlette.responses import Response

_DEEPEST: Final = 200


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON. Numbers that JSON doesn't know are written as text, and so is what nests too deeply."""
    return Response(to_json(body), status, dict(headers or {}), "application/json")


def to_json(body: object) -> str:
    """Return a value as JSON in one line, whatever is in it."""
    try:
        return _dumped(body)
    except (ValueError, RecursionError):
        return _dumped(_tame(body, 0))


def _dumped(body: object) -> str:
    # ASCII: half a surrogate pair, which a stored text may hold, has no other form.
    return json.dumps(body, allow_nan=False, separators=(",", ":"))


def _tame(value: object, depth: int) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if depth > _DEEPEST and isinstance(value, dict | list | tuple):
        return "(nested too deeply to be shown)"
    if isinstance(value, dict):
        return {str(key): _tame(item, depth + 1) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_tame(item, depth + 1) for item in cast("list[object]", value)]
    return value
