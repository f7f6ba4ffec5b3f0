"""The keys of a flow's jobs, whose queues may have any prefix."""

from __future__ import annotations

import pytest

from midday_worker.admin.flow_tree import split_key


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("bull:emails:7", ("bull", "emails", "7")),
        ("bull:emails:of:another:language", ("bull", "emails", "of:another:language")),
        ("{emails}:emails:7", ("{emails}", "emails", "7")),
        ("shop:mail:emails:7", ("shop:mail", "emails", "7")),
        ("{emails}:emails:repeat:a:b:1700000000000", ("{emails}", "emails", "repeat:a:b:1700000000000")),
        ("{emails}:emails:line\nbreak", ("{emails}", "emails", "line\nbreak")),
    ],
)
def test_a_key_is_split_by_the_prefix_that_it_has(key: str, place: tuple[str, str, str]) -> None:
    found = split_key(key, "bull")
    assert found is not None
    assert (found[0].prefix, found[0].name, found[1]) == place


@pytest.mark.parametrize("key", ["", "bull", "bull:emails", "bull:emails:", "::"])
def test_what_is_no_key_of_a_job_is_none(key: str) -> None:
    assert split_key(key, "bull") is None
