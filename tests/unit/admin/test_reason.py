"""What failed reasons have in common, and how one is chosen by it."""

from __future__ import annotations

import pytest

from midday_worker.admin.reason import LONGEST, common_reason, is_about


@pytest.mark.parametrize(
    ("reasons", "common"),
    [
        (("timed out after 30 s", "timed out after 4.5 s"), "timed out after <n> s"),
        (
            ("no user 3f2b8c1e-0a4d-4f6e-9b7a-1c2d3e4f5a6b", "no user 00000000-0000-4000-8000-000000000000"),
            "no user <id>",
        ),
        (("<Mail at 0x7fc7bf00>", "<Mail at 0x1>"), "<Mail at <n>>"),
        (("ada@example.com bounced", "bob+1@mail.example.org bounced"), "<mail> bounced"),
        (("\n\n  No seat  \nat line 3", "No seat"), "No seat"),
        (("commit deadbeef1", "commit 1deadbeef"), "commit <id>"),
        (("facade", "facade\r\nx"), "facade"),
        (("", "  \n "), ""),
    ],
)
def test_reasons_that_differ_in_what_varies_have_one_in_common(reasons: tuple[str, str], common: str) -> None:
    assert [common_reason(reason) for reason in reasons] == [common, common]


def test_a_reason_of_megabytes_is_cut() -> None:
    assert len(common_reason("x" * 5_000_000)) == LONGEST


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("timed out", True),
        ("TIMED OUT after 30", True),
        ("after <n> s", True),
        ("timed out aft…", True),
        ("seat", False),
    ],
)
def test_a_reason_is_chosen_by_a_part_of_it_or_by_its_kind(wanted: str, chosen: bool) -> None:
    assert is_about("Timed out after 30 s\nTraceback: ...", wanted) is chosen
