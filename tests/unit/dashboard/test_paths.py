"""Paths as they were sent: ids hold slashes, and mounts are known decoded only."""

from __future__ import annotations

import pytest

from midday_worker.dashboard.paths import base_path, segments


@pytest.mark.parametrize(
    ("raw", "root", "expected"),
    [
        (b"/api/queues/a%2Fb/c%25d", "", ("api", "queues", "a/b", "c%d")),
        (b"/api/queues/a%0Ab/%C3%A9", "", ("api", "queues", "a\nb", "é")),
        (b"/admin/queues/api/x", "/admin/queues", ("api", "x")),
        (b"/my%20team/api/a%2Fb", "/my team", ("api", "a/b")),
        (b"/", "", ("",)),
        (b"/admin/", "/admin", ("",)),
        (b"/queue/emails/", "", ("queue", "emails")),
        (b"/x?y=/z", "", ("x",)),
    ],
)
def test_each_part_below_the_mount_is_decoded_for_itself(raw: bytes, root: str, expected: tuple[str, ...]) -> None:
    assert segments({"raw_path": raw, "path": "?", "root_path": root}) == expected


def test_a_server_without_raw_paths_is_answered_too() -> None:
    assert segments({"path": "/api/queues", "root_path": ""}) == ("api", "queues")


def test_the_base_is_where_the_dashboard_is_mounted() -> None:
    assert [base_path({"root_path": root}) for root in ("", "/admin", '/my "team"/')] == [
        "/",
        "/admin/",
        "/my%20%22team%22/",
    ]
