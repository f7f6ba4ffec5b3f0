"""A handler's annotations: its payload's type and its result's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from types import UnionType
from typing import Union, get_args, get_origin

from midday_worker.errors import DefinitionError
from midday_worker.handling.context import JobContext
from midday_worker.handling.dependencies import is_asynchronous
from midday_worker.handling.resolved_annotations import annotated_function, resolved_annotations
from midday_worker.handling.sync_context import SyncJobContext


def payload_annotation(job: str, handler: Callable[..., object], place: str) -> object:
    """Return the annotation of the handler's first parameter.

    Raises:
        DefinitionError: there is none, or its names exist for type checkers only.
    """
    first, _ = _parameters(handler)
    resolved = resolved_annotations(handler)
    if first in resolved:
        return resolved[first]
    written = inspect.get_annotations(annotated_function(handler)).get(first)
    if written is not None:
        raise DefinitionError(
            f"The payload's annotation {written!r} of job {job!r} at {place} can't be resolved: it is the payload's "
            "schema, so its names must exist in the module when the program runs, not only under TYPE_CHECKING."
        )
    raise DefinitionError(
        f"The handler of job {job!r} at {place} needs an annotation on its first parameter: it is the payload's schema."
    )


def result_annotation(job: str, handler: Callable[..., object], place: str) -> object | None:
    """Return the handler's return annotation; None if it has none.

    Raises:
        DefinitionError: its names exist for type checkers only.
    """
    resolved = resolved_annotations(handler)
    if "return" in resolved:
        return resolved["return"]
    written = inspect.get_annotations(annotated_function(handler)).get("return")
    if written is not None:
        raise DefinitionError(
            f"The result's annotation {written!r} of job {job!r} at {place} can't be resolved: results are checked and "
            "typed by it, so its names must exist in the module when the program runs. Import them at run time, not "
            "only under TYPE_CHECKING."
        )
    return None


def check_context(job: str, handler: Callable[..., object], place: str) -> None:
    """Raise DefinitionError for a handler whose parameters are annotated with what they aren't given."""
    first, second = _parameters(handler)
    resolved = resolved_annotations(handler)
    annotated = resolved.get(first)
    if annotated is JobContext or annotated is SyncJobContext:
        raise DefinitionError(
            f"The handler of job {job!r} at {place} takes the context first; accepted: the payload, then the context, "
            "as in `(data: MyPayload, ctx)`; without a payload `(data: None, ctx)`."
        )
    annotated = resolved.get(second)
    if is_asynchronous(handler):
        if annotated is SyncJobContext:
            raise DefinitionError(
                f"Job {job!r} at {place} has an asynchronous handler that takes a SyncJobContext, whose calls would "
                "block the event loop; accepted: JobContext."
            )
    elif annotated is JobContext:
        raise DefinitionError(
            f"Job {job!r} at {place} has a plain function as handler that takes a JobContext, whose calls have to be "
            "awaited; accepted: SyncJobContext, which has the same calls without await. Or make it an async def."
        )


def _parameters(handler: Callable[..., object]) -> tuple[str, str]:
    """Return the names of the first two parameters; of a wrapper its own, unless it passes on whatever it is given."""
    try:
        called = inspect.signature(handler, follow_wrapped=False).parameters
        if any(each.kind is each.VAR_POSITIONAL for each in called.values()):
            called = inspect.signature(handler).parameters
    except (ValueError, TypeError):  # written in C, or decorated by something that is
        return "", ""
    first, second = [*called, "", ""][:2]
    return first, second


def batch_payload_annotation(job: str, handler: Callable[..., object], place: str) -> object:
    """Return the type of the items of a batch handler's first parameter.

    Raises:
        DefinitionError: there is no annotation, or it is no list.
    """
    annotated = payload_annotation(job, handler, place)
    items = _items(annotated)
    if not items:
        raise DefinitionError(
            f"The handler of job {job!r} at {place} takes {annotated!r}; accepted with batch=: a list, as "
            "list[MyPayload]."
        )
    return items[0]


def batch_result_annotation(job: str, handler: Callable[..., object], place: str) -> object | None:
    """Return the type of a batch handler's results, exceptions left out; None if it declares none.

    Raises:
        DefinitionError: the annotation is no list, or its names exist for type checkers only.
    """
    returned = result_annotation(job, handler, place)
    if returned is None or returned is list:
        return None
    items = _items(returned)
    if not items:
        raise DefinitionError(
            f"The handler of job {job!r} at {place} returns {returned!r}; accepted with batch=: a list with a result "
            "or an exception for each payload, as list[MyResult | Exception]."
        )
    members: tuple[object, ...] = get_args(items[0]) if get_origin(items[0]) in (Union, UnionType) else items
    results = [member for member in members if not _is_exception(member)]
    return functools.reduce(_either, results) if results else type(None)


def _is_exception(annotation: object) -> bool:
    return inspect.isclass(annotation) and issubclass(annotation, Exception)


def _either(one: object, other: object) -> object:
    return Union[one, other]  # noqa: UP007  # pyright: ignore[reportInvalidTypeForm] - a value, no annotation


def _items(annotation: object) -> tuple[object, ...]:
    """Return the type of a list's items, and nothing of what is no list."""
    return get_args(annotation) if get_origin(annotation) in (list, Sequence) else ()
