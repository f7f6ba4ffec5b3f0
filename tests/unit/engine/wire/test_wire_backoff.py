"""What of a backoff is written for BullMQ, and what under a key of ours."""

from __future__ import annotations

from midday_worker.engine.wire.options import WireOptions, asks_function, encode, fill_in, longest_backoff
from midday_worker.options import check_options, merge


def written(**options: object) -> WireOptions:
    return encode(merge(check_options(options)))


def soon(_attempt: int, _error: Exception) -> int:
    return 5


def test_nothing_of_ours_is_written_where_bullmq_can_say_it() -> None:
    wire = written(backoff={"type": "fixed", "delay": 5, "jitter": "equal"})

    assert wire["backoff"] == {"type": "fixed", "delay": 5, "jitter": 0.5}
    assert "midday" not in wire


def test_a_limit_travels_under_our_key() -> None:
    wire = written(backoff={"type": "exponential", "delay": 5, "max_delay": "1m"})

    assert (wire["backoff"], wire["midday"]) == ({"type": "exponential", "delay": 5}, {"maxDelay": 60_000})
    assert longest_backoff(wire) == 60_000


def test_a_function_is_written_as_a_mark_with_the_default_for_those_who_lack_it() -> None:
    wire = written(backoff=soon)

    assert wire["backoff"] == {"type": "exponential", "delay": 2_000, "jitter": 0.5}
    assert asks_function(wire)
    assert not asks_function(written(backoff=5))


def test_a_job_without_a_backoff_gets_all_of_its_definition_s() -> None:
    defaults = written(backoff={"type": "exponential", "delay": 5, "max_delay": "1m"})
    bare: WireOptions = {"attempts": 0, "midday": {"timeout": 7}}
    own: WireOptions = {"backoff": {"type": "fixed", "delay": 1}}

    fill_in(bare, defaults)
    fill_in(own, defaults)

    assert bare["midday"] == {"timeout": 7, "maxDelay": 60_000}
    assert longest_backoff(own) is None
    assert defaults["midday"] == {"maxDelay": 60_000}


def test_what_others_wrote_under_our_key_is_no_limit() -> None:
    values: tuple[object, ...] = (None, 5, [], {"maxDelay": "1m"}, {"maxDelay": -1}, {"maxDelay": True})
    for value in values:
        assert longest_backoff({"midday": value}) is None
