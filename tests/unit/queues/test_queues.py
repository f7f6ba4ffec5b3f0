"""Queues: what their configuration accepts."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import cast

import pytest

from midday_worker import (
    DefinitionError,
    Duration,
    JobOptions,
    JobRegistry,
    OptionError,
    QueueRegistry,
    RateLimit,
    job,
    queue,
)
from midday_worker.definition.definition_options import DefinitionOptions
from midday_worker.errors import DuplicateQueueError
from midday_worker.queues import QueueDefinition, default_queues
from midday_worker.queues.documents import documents


def test_a_queue_is_registered_with_its_settings() -> None:
    registry = QueueRegistry()

    made = queue("reports", concurrency=2, rate_limit=RateLimit(10, "1s"), registry=registry, attempts=5, delay="1s")

    assert registry.get("reports") is made
    assert list(registry) == [made]
    assert (made.name, made.concurrency, made.options) == ("reports", 2, {"attempts": 5, "delay": 1_000})
    assert made.rate_limit is not None
    assert (made.rate_limit.max, made.rate_limit.per_ms) == (10, 1_000)


def test_a_queue_that_was_not_configured_has_the_defaults() -> None:
    assert QueueRegistry().get("reports") == QueueDefinition("reports")


def test_a_queue_is_configured_once() -> None:
    registry = QueueRegistry()
    queue("reports", registry=registry)

    with pytest.raises(DuplicateQueueError) as failure:
        queue("reports", registry=registry)

    assert failure.value.queue == "reports"
    assert str(failure.value).count("test_queues.py:") == 2


@pytest.mark.parametrize("name", ["", "a:b", "a\n", None, 5])
def test_a_name_that_node_could_not_use_is_refused(name: str) -> None:
    with pytest.raises(
        DefinitionError, match=r"A queue at .*test_queues.py:\d+ is named .*; accepted: a non-empty text of"
    ):
        queue(name, registry=QueueRegistry())


@pytest.mark.parametrize("concurrency", [0, -1, True, 1.5, "3"])
def test_a_concurrency_below_one_is_refused(concurrency: int) -> None:
    with pytest.raises(
        DefinitionError,
        match=r"Queue 'reports' at .*test_queues.py:\d+ has concurrency=.*; accepted: an integer of 1 or more",
    ):
        queue("reports", concurrency=concurrency, registry=QueueRegistry())


@pytest.mark.parametrize("limit", ["10/1s", 10, (10, "1s"), {"max": 10, "per": "1s"}, RateLimit])
def test_a_rate_limit_of_another_form_is_refused(limit: object) -> None:
    with pytest.raises(
        OptionError, match=r"^Queue 'reports' at .*test_queues.py:\d+ has rate_limit=.*; accepted: a RateLimit, as"
    ):
        queue("reports", rate_limit=cast("RateLimit", limit), registry=QueueRegistry())


@pytest.mark.parametrize("registry", [JobRegistry(), "jobs", {}, 0])
def test_a_registry_of_another_kind_is_refused(registry: object) -> None:
    with pytest.raises(DefinitionError, match=r"test_queues.py:\d+ has registry=.*; accepted: a QueueRegistry"):
        queue("reports", registry=cast("QueueRegistry", registry))
    with pytest.raises(DefinitionError, match=r"test_queues.py:\d+ has registry=.*; accepted: a JobRegistry"):
        job("pay", int, result=int, registry=cast("JobRegistry", QueueRegistry()))
    assert "reports" not in [each.name for each in default_queues]


@pytest.mark.parametrize(
    ("define", "declared", "arguments"),
    [
        (queue, JobOptions, {"registry": QueueRegistry()}),
        (job, DefinitionOptions, {"schema": int, "registry": JobRegistry()}),
    ],
)
def test_the_known_options_are_all_that_are_accepted_there(
    define: Callable[..., object], declared: type, arguments: dict[str, object]
) -> None:
    with pytest.raises(OptionError, match="Known options: ") as failure:
        define("name", **arguments, zzz=1)

    known = str(failure.value).partition("Known options: ")[2].rstrip(".").split(", ")
    parameters = inspect.signature(define).parameters.values()
    named = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
    assert set(known) == named | set(declared.__annotations__)


@pytest.mark.parametrize("maximum", [0, True, 1.5, "3"])
def test_a_rate_limits_maximum_is_checked(maximum: int) -> None:
    with pytest.raises(OptionError, match=r"RateLimit.max is .*; accepted: an integer of 1 or more"):
        RateLimit(maximum, "1s")


@pytest.mark.parametrize("per", [0, "0s"])
def test_a_rate_limits_window_is_above_zero(per: Duration) -> None:
    with pytest.raises(OptionError, match=r"RateLimit.per is .*; accepted: a duration above zero"):
        RateLimit(1, per)


def test_a_wrong_default_registers_nothing() -> None:
    registry = QueueRegistry()

    with pytest.raises(OptionError, match=r"^Queue 'reports' at .*test_queues.py:\d+: .* Did you mean 'attempts'"):
        queue("reports", registry=registry, attemps=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue] - the mistake
    assert list(registry) == []


def test_the_documents_queue_is_an_example_with_settings_of_its_own() -> None:
    assert default_queues.get("documents") is documents
    assert documents.concurrency == 3
    assert documents.options["attempts"] == 5


@pytest.mark.parametrize("prefix", ["", ":", ":mails", "mails:", " mails", "my mails", "mails\n", 7])
def test_a_prefix_that_keys_or_clients_names_cannot_have_is_refused(prefix: object) -> None:
    registry = QueueRegistry()
    with pytest.raises(DefinitionError, match=r"Queue 'mails' at .* has prefix=.*; accepted: a non-empty text"):
        queue("mails", prefix=cast("str", prefix), registry=registry)
    assert list(registry) == []


def test_a_prefix_belongs_to_one_declaration_of_a_queue() -> None:
    registry = QueueRegistry()
    assert queue("mails", prefix="{mails}", registry=registry).prefix == "{mails}"
    assert registry.get("others").prefix is None
    with pytest.raises(DuplicateQueueError):
        queue("mails", prefix="{other}", registry=registry)


def test_a_job_on_a_queue_whose_prefix_its_registry_does_not_know_is_refused() -> None:
    """It would go to REDIS_PREFIX, where no worker of the queue looks."""
    elsewhere = queue("mails", prefix="{mails}", registry=QueueRegistry())
    with pytest.raises(DefinitionError, match="the job's registry doesn't know"):
        job("send", str, queue=elsewhere, registry=JobRegistry(QueueRegistry()))
    queues = QueueRegistry()
    queues.add(elsewhere)
    assert job("send", str, queue=elsewhere, registry=JobRegistry(queues)).prefix == "{mails}"
