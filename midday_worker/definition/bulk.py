"""Many jobs, or many flows, in one call: all are validated before the first is added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Required, TypeAlias, TypedDict, TypeVar, cast

from midday_worker.client.client import JobClient, current_client
from midday_worker.definition.flow import FlowChild, flow_handle, is_mapping
from midday_worker.definition.triggers import Triggers
from midday_worker.errors import DurationError, FlowError, InvalidInputError, OptionError, PayloadError
from midday_worker.handles.handle import JobHandle
from midday_worker.options import CallOptions, located
from midday_worker.request import JobRequest

P = TypeVar("P")
R = TypeVar("R")

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


class BulkTriggers(Triggers[P, R]):
    """A job that is triggered many times in one call; a `JobDefinition` is one."""

    async def batch_trigger(
        self,
        items: Iterable[BulkItem[P]],
        *,
        client: JobClient | None = None,
        on_progress: Progress | None = None,
    ) -> list[JobHandle[R]]:
        """Add many jobs, 1,000 in a round trip and a transaction. All are validated before the first is added.

        Args:
            items: `{"payload": ..., "options": {...}}` each; a generator will do, read once.
            client: see `trigger`.
            on_progress: called after each 1,000 with how many were added, and how many there are.

        Raises:
            PayloadError, OptionError, DurationError: an item is wrong; the message has its index. Nothing was added.
            RedisUnavailableError: Redis can't be reached; `added_ids` are the ids of the items that were added before,
                `job_ids` of those that may have been.
        """
        requests = [self._batch_request(index, item) for index, item in enumerate(items)]
        client = client or current_client()
        return [self._handle(job_id, client) for job_id in await client.enqueue_many(requests, on_progress)]

    async def batch_trigger_flow(
        self,
        items: Iterable[FlowItem[P]],
        *,
        client: JobClient | None = None,
        on_progress: Progress | None = None,
    ) -> list[JobHandle[R]]:
        """Add many flows with this job as their root, about 1,000 jobs in a round trip; none is ever split.

        Args:
            items: `{"payload": ..., "children": [...], "options": {...}}` each; see `trigger_flow`.
            client: see `trigger`.
            on_progress: called after each round trip with how many flows were added, and how many there are.

        Raises:
            PayloadError, OptionError, FlowError: a node is wrong; the message has the flow's index. Nothing was added.
            RedisUnavailableError: see `batch_trigger`.
        """
        roots = [self._batch_flow(index, item) for index, item in enumerate(items)]
        client = client or current_client()
        added = await client.enqueue_flows(roots, on_progress)
        return [
            cast("JobHandle[R]", flow_handle(root, iter(ids), client)) for root, ids in zip(roots, added, strict=True)
        ]

    def _batch_request(self, index: int, item: BulkItem[P]) -> JobRequest:
        options: Mapping[str, object] = {}
        if not _is_payload_alone(item):
            options = _options_of(item, {"payload", "options"}, self._place(index))
        try:
            return self._request(item["payload"], options)
        except (PayloadError, OptionError, DurationError) as error:
            raise _located(error, index, self._place(index)) from error

    def _batch_flow(self, index: int, item: FlowItem[P]) -> JobRequest:
        where = f"Flow {index} of the batch for job {self.id!r}"
        options = cast("CallOptions", _options_of(item, {"payload", "children", "options"}, where))
        if "children" not in item:
            raise FlowError(f"{where} has no children.")
        try:
            return self.node(item["payload"], children=item["children"], **options)
        except (PayloadError, OptionError, DurationError, FlowError) as error:
            raise _located(error, index, where) from error

    def _place(self, index: int) -> str:
        return f"Item {index} of the batch for job {self.id!r}"


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
