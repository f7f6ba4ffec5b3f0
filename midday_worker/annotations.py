"""A handler's annotations: its payload's type and its result's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import cast, get_type_hints

from midday_worker.context import JobContext
from midday_worker.errors import DefinitionError


def payload_annotation(job: str, handler: Callable[..., object]) -> object:
    """Return the annotation of the handler's first parameter.

    Raises:
        DefinitionError: there is none, or its names exist for type checkers only.
    """
    first = next(iter(inspect.signature(handler).parameters), "")
    resolved = _resolved(handler)
    if first in resolved:
        return resolved[first]
    written = inspect.get_annotations(_function(handler)).get(first)
    if written is not None:
        raise DefinitionError(
            f"The payload's annotation {written!r} of job {job!r} can't be resolved: it is the payload's schema, so "
            "its names must exist in the module when the program runs, not only under TYPE_CHECKING."
        )
    raise DefinitionError(
        f"The handler of job {job!r} needs an annotation on its first parameter: it is the payload's schema."
    )


def result_annotation(handler: Callable[..., object]) -> object | None:
    """Return the handler's return annotation; None if it has none that exists at run time."""
    return _resolved(handler).get("return")


def _resolved(handler: Callable[..., object]) -> Mapping[str, object]:
    function = _function(handler)
    try:
        return get_type_hints(function, include_extras=True)
    except NameError:
        return _one_by_one(function)


def _one_by_one(function: Callable[..., object]) -> Mapping[str, object]:
    # Names of TYPE_CHECKING blocks: what they annotate counts as not annotated.
    names: dict[str, object] = {**getattr(function, "__globals__", {}), "JobContext": JobContext}
    resolved: dict[str, object] = {}
    for parameter, annotation in inspect.get_annotations(function).items():
        try:
            value: object = eval(annotation, names) if isinstance(annotation, str) else annotation  # noqa: S307 - the handler's own annotation, as typing.get_type_hints does
        except NameError:
            continue
        resolved[parameter] = type(None) if value is None else value
    return resolved


def _function(handler: Callable[..., object]) -> Callable[..., object]:
    """Return what bears the annotations of a function, a method, a partial, or an object with `__call__`."""
    while isinstance(handler, functools.partial):
        handler = cast("functools.partial[object]", handler).func
    if inspect.isroutine(handler) or inspect.isclass(handler):
        return handler
    return cast("Callable[..., object]", type(handler).__call__)
