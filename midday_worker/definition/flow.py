"""Flows from the caller's side: children as nodes or dictionaries, and the handles of a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Required, TypedDict, cast

from midday_worker.client.client import JobClient
from midday_worker.engine.producer.answer import was_added
from midday_worker.errors import FlowError
from midday_worker.handles.handle import JobHandle
from midday_worker.options import CallOptions, check_options
from midday_worker.request import DEFAULT_FAILURE_POLICY, FailurePolicy, JobRequest, JobSource


class FlowChild(TypedDict, total=False):
    """A flow's child as a dictionary; `definition.node(...)` says the same, typed."""

    job: Required[JobSource[object]]
    data: Required[object]
    children: Sequence[JobRequest | FlowChild]
    on_failure: FailurePolicy
    options: CallOptions


def is_mapping(value: object) -> bool:
    """Return whether an untyped caller passed a dictionary."""
    return isinstance(value, Mapping)


def as_request(child: JobRequest | FlowChild) -> JobRequest:
    """Return the node of a flow's child. Raises FlowError, PayloadError."""
    if isinstance(child, JobRequest):
        return child
    known = FlowChild.__required_keys__ | FlowChild.__optional_keys__
    if not is_mapping(child) or not {"job", "data"} <= child.keys() <= known:
        raise FlowError(f"A flow's child is neither a node() nor a dictionary of {', '.join(sorted(known))}.")
    definition = child["job"]
    if not hasattr(definition, "dictionary_node"):
        raise FlowError(f"A flow's child has the job {definition!r}; accepted: what job() returned.")
    options: object = child.get("options", {})
    if not isinstance(options, Mapping):
        raise FlowError(f"A flow's child has the options {options!r}; accepted: a dictionary.")
    check_options(cast("Mapping[str, object]", options), call=True)
    return definition.dictionary_node(
        child["data"],
        children=[as_request(below) for below in child.get("children", ())],
        on_failure=child.get("on_failure", DEFAULT_FAILURE_POLICY),
        **cast("CallOptions", options),
    )


def flow_handle(request: JobRequest, ids: Iterator[str], client: JobClient) -> JobHandle[object]:
    """Return the handles of a tree, given its ids, parents first."""
    job_id = next(ids)
    # Nobody else has an id that was made here. A given one was looked for, but may have been added since.
    added = was_added(job_id) if request.options.job_id is None else None
    children = tuple(flow_handle(child, ids, client) for child in request.children)
    return JobHandle(str(job_id), request.name, request.queue, client, request.source, children, added)
