"""What the doctor says of names."""

from __future__ import annotations

from midday_worker.admin.name_checks import judge_names, judge_prefixes

HANDLED = {"emails": {"send-mail", "send-invoice"}}


def test_a_name_that_nobody_handles_is_shown_with_the_one_that_is_near() -> None:
    (finding,) = judge_names("emails", {"send-mial": 3, "send-mail": 9}, HANDLED, {})
    assert (finding.grade, finding.queue) == ("fail", "emails")
    assert finding.text == "it holds 3 of 'send-mial', which is not defined here ('send-mail' is)"


def test_a_queue_of_another_program_is_only_mentioned() -> None:
    (finding,) = judge_names("images", {"resize": 2, "crop": 1}, HANDLED, {})
    assert finding.grade == "note"
    assert finding.text.endswith("it holds crop, resize")
    assert judge_names("images", {}, HANDLED, {}) == []


def test_names_that_are_declared_are_not_mentioned_and_others_of_their_queue_are_no_fault() -> None:
    declared = {"sms": {"send-sms"}, "emails": {"print"}}
    assert judge_names("sms", {"send-sms": 2}, HANDLED, declared) == []
    (finding,) = judge_names("sms", {"send-sms": 2, "of-node": 1}, HANDLED, declared)
    assert (finding.grade, finding.text) == ("note", "no job that is run here lives on it; it holds of-node")
    assert judge_names("emails", {"print": 1, "send-mail": 1}, HANDLED, declared) == []


def test_names_that_are_handled_are_not_mentioned() -> None:
    assert judge_names("emails", {"send-mail": 1}, HANDLED, {}) == []


def test_a_defined_queue_under_another_prefix_is_a_mismatch() -> None:
    finding = judge_prefixes("bull", {"bull": ["images"], "shop": ["emails"]}, {"emails"}, {})
    assert finding.grade == "fail"
    assert "queue emails is under prefix 'shop'" in finding.text
    assert "REDIS_PREFIX" in finding.fix


def test_a_prefix_without_queues_beside_one_with_queues_is_suspicious() -> None:
    finding = judge_prefixes("bull", {"shop": ["emails"]}, (), {})
    assert finding.grade == "warn"
    assert "'shop' (1)" in finding.text


def test_queues_of_others_beside_ours_are_well() -> None:
    finding = judge_prefixes("bull", {"bull": ["emails"], "shop": ["emails", "images"]}, {"emails"}, {})
    assert (finding.grade, finding.text) == ("ok", "'bull' holds 1 queue; others, with their queues: 'shop' (2)")
    assert judge_prefixes("bull", {}, {"emails"}, {}).grade == "ok"


def test_a_queue_with_a_prefix_of_its_own_is_looked_for_there() -> None:
    own = {"emails": "{emails}"}
    well = judge_prefixes("bull", {"bull": ["images"], "{emails}": ["emails"], "shop": ["emails"]}, {"emails"}, own)
    assert (well.grade, well.text) == (
        "ok",
        "'bull' holds 1 queue, '{emails}' 1; others, with their queues: 'shop' (1)",
    )
    astray = judge_prefixes("bull", {"bull": ["emails"]}, {"emails"}, own)
    assert astray.grade == "fail"
    assert astray.text == "queue emails is under prefix 'bull', and jobs are looked for under '{emails}'"
    assert "its prefix=" in astray.fix
    left = judge_prefixes("bull", {"bull": ["emails"], "{emails}": ["emails"]}, (), own)
    assert (left.grade, "emails has its own prefix" in left.text) == ("warn", True)
