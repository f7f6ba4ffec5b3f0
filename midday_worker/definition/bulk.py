"""`BulkItem` and `FlowItem`: many jobs, or many flows, for one call; all are validated before the first is added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Required, TypeAlias, TypedDict, TypeVar, cast

from midday_worker.definition.flow import FlowChild, as_request, is_mapping
from midday_worker.errors import DurationError, FlowError, InvalidInputError, OptionError, PayloadError
from midday_worker.options import CallOptions, located
from midday_worker.request import JobRequest, JobSource

P = TypeVar("P")

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many were added, and how many there are."""


class BulkItem(TypedDict, Generic[P], total=False):
    """One job of a batch: its payload, and options of its own."""

    payload: Required[P | Mapping[str, object]]
    options: CallOptions


class FlowItem(TypedDict, Generic[P], total=False):
    """One flow of a batch: its root's payload, its children as for `trigger_flow`, and the root's options."""

    payload: Required[P | Mapping[str, object]]
    children: Required[Sequence[JobRequest | FlowChild]]
    options: CallOptions


def batch_requests(
    job: str, items: Iterable[BulkItem[P]], request: Callable[[object, Mapping[str, object]], JobRequest]
) -> list[JobRequest]:
    """Return a batch's requests, made by `request(payload, options)`. Raises what it raises, with the item's index."""
    return [_batch_request(index, item, job, request) for index, item in enumerate(items)]


def batch_flows(job: str, items: Iterable[FlowItem[P]], root: JobSource[object]) -> list[JobRequest]:
    """Return the trees of a batch's flows. Raises what a node raises, with the flow's index."""
    return [_batch_flow(index, item, job, root) for index, item in enumerate(items)]


def _batch_request(
    index: int, item: BulkItem[P], job: str, request: Callable[[object, Mapping[str, object]], JobRequest]
) -> JobRequest:
    options: Mapping[str, object] = {}
    if not _is_payload_alone(item):
        options = _options_of(item, {"payload", "options"}, _place(index, job))
    try:
        return request(item["payload"], options)
    except (PayloadError, OptionError, DurationError) as error:
        raise _located(error, index, _place(index, job)) from error


def _batch_flow(index: int, item: FlowItem[P], job: str, root: JobSource[object]) -> JobRequest:
    where = f"Flow {index} of the batch for job {job!r}"
    options = cast("CallOptions", _options_of(item, {"payload", "children", "options"}, where))
    if "children" not in item:
        raise FlowError(f"{where} has no children.")
    try:
        return root.dictionary_node(
            item["payload"], children=[as_request(each) for each in item["children"]], **options
        )
    except (PayloadError, OptionError, DurationError, FlowError) as error:
        raise _located(error, index, where) from error


def _place(index: int, job: str) -> str:
    return f"Item {index} of the batch for job {job!r}"


def _located(
    error: PayloadError | OptionError | DurationError | FlowError, index: int, where: str
) -> InvalidInputError:
    """Return an error that says, too, which item of the batch it is about."""
    if isinstance(error, PayloadError):
        return PayloadError(error.job, error.problems, f"payload {index} of the batch")
    return located(error, where)


def _is_payload_alone(item: object) -> bool:
    """Return whether an item is what most are."""
    return type(item) is dict and len(cast("dict[str, object]", item)) == 1 and "payload" in item


def _options_of(item: object, known: set[str], where: str) -> Mapping[str, object]:
    if not is_mapping(item) or not {"payload"} <= (keys := cast("Mapping[str, object]", item).keys()) <= known:
        shown = ", ".join(f'"{key}": ...' for key in sorted(known, key=lambda key: key == "options"))
        raise InvalidInputError(f"{where} is not {{{shown}}}.")
    options = cast("Mapping[str, object]", item).get("options", {})
    if not isinstance(options, Mapping):
        raise InvalidInputError(f"{where} has the options {options!r}; accepted: a dictionary.")
    del keys
    return cast("Mapping[str, object]", options)
