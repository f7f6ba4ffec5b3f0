"""The annotations of handlers, and of what they ask for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import cast, get_type_hints

from midday_worker.handling.batch_context import BatchContext
from midday_worker.handling.context import JobContext
from midday_worker.handling.sync_context import SyncJobContext


def resolved_annotations(handler: Callable[..., object]) -> Mapping[str, object]:
    """Return the annotations of a function as objects; those left out whose names exist for type checkers only."""
    function = annotated_function(handler)
    try:
        return get_type_hints(function, include_extras=True)
    except NameError:
        return _one_by_one(function)


def _one_by_one(function: Callable[..., object]) -> Mapping[str, object]:
    # Names of TYPE_CHECKING blocks: what they annotate counts as not annotated.
    contexts = {"JobContext": JobContext, "BatchContext": BatchContext, "SyncJobContext": SyncJobContext}
    names: dict[str, object] = {**getattr(inspect.unwrap(function), "__globals__", {}), **contexts}
    resolved: dict[str, object] = {}
    for parameter, annotation in inspect.get_annotations(function).items():
        try:
            value: object = eval(annotation, names) if isinstance(annotation, str) else annotation  # noqa: S307 - the handler's own annotation, as typing.get_type_hints does
        except NameError:
            continue
        resolved[parameter] = type(None) if value is None else value
    return resolved


def annotated_function(handler: Callable[..., object]) -> Callable[..., object]:
    """Return what bears the annotations of a function, a method, a partial, or an object with `__call__`."""
    while isinstance(handler, functools.partial):
        handler = cast("functools.partial[object]", handler).func
    if inspect.isroutine(handler) or inspect.isclass(handler):
        return handler
    return cast("Callable[..., object]", type(handler).__call__)
