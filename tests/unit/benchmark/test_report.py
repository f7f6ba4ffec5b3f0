"""The tables, the JSON, and the page of the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.benchmark.figures import Figure, Results
from scripts.benchmark.page import BEGIN, END, with_run
from scripts.benchmark.programs import ROOT
from scripts.benchmark.report import Report

PNG = b"\x89PNG\r\n"


@pytest.fixture
def report() -> Report:
    results = Results()
    results.add("ours", [Figure("W1", "concurrency 1", "jobs/s", 2_000), Figure("W4", "p50", "ms", 1.5)])
    results.add("ours", [Figure("W1", "concurrency 10", "jobs/s", 10_000)])
    results.add("node", [Figure("W1", "concurrency 1", "jobs/s", 4_000), Figure("W4", "p50", "ms", 3.0)])
    labels = {"ours": "midday_worker", "raw": "bullmq for Python", "node": "bullmq for Node"}
    return Report({"cores": "2"}, labels, results, ["a job was lost"], rounds=5, seconds=600, notes=["a note"])


def test_each_item_has_a_table_of_medians_with_ratios(report: Report) -> None:
    text = report.markdown()
    assert "| cores | 2 |" in text
    assert "Medians of 5 rounds" in text
    assert "### W1: Processing jobs that do nothing\n\n| | concurrency 1, jobs/s | concurrency 10, jobs/s |" in text
    assert "| midday_worker | 2,000 | 10,000 |\n| bullmq for Node | 4,000 (0.50x) | - |" in text
    assert "| bullmq for Node | 3.00 (2.00x) |" in text
    assert "bullmq for Python" not in text, "who was not measured has no line"


def test_what_does_not_count_is_said(report: Report) -> None:
    assert "Measurements that don't count:\n\n- a job was lost" in report.markdown()


def test_the_json_holds_every_value(report: Report) -> None:
    document = json.loads(json.dumps(report.document()))
    assert document["rounds"] == 5
    assert document["errors"] == ["a job was lost"]
    assert {
        "item": "W4",
        "case": "p50",
        "unit": "ms",
        "contender": "node",
        "median": 3.0,
        "ours_is_better_by": 2.0,
        "values": [3.0],
    } in document["figures"]


def test_each_item_has_a_chart(report: Report, tmp_path: Path) -> None:
    from scripts.benchmark.chart import draw  # matplotlib takes longer to import than all tests to collect

    drawn = draw(report, tmp_path / "charts")
    assert {item: path.name for item, path in drawn.items()} == {"W1": "w1.png", "W4": "w4.png"}
    assert all(path.read_bytes().startswith(PNG) for path in drawn.values())


def test_what_only_a_variant_has_is_no_chart(tmp_path: Path) -> None:
    results = Results()
    results.add("switched", [Figure("W1", "metrics on, of off", "%", 98)])
    report = Report({}, {"switched": "metrics on and off"}, results, [], rounds=1, seconds=1)
    from scripts.benchmark.chart import draw  # as above

    assert draw(report, tmp_path) == {}
    assert "| metrics on and off | 98.0 |" in report.markdown()


def test_a_run_replaces_the_last_one_on_the_page(report: Report) -> None:
    page = f"# Performance\n\n{BEGIN}\n\nold figures\n\n{END}\n\nafter\n"
    text = with_run(page, report.markdown(), {"W1": "images/w1.png"})
    assert text.startswith(f"# Performance\n\n{BEGIN}\n\n| | |\n")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "old figures" not in text
    title = "W1: Processing jobs that do nothing"
    assert f"### {title}\n\n![{title}](images/w1.png)\n\n| | concurrency 1" in text
    assert with_run(text, report.markdown(), {"W1": "images/w1.png"}) == text


def test_a_page_without_the_markers_is_refused(report: Report) -> None:
    with pytest.raises(ValueError, match="the page has no"):
        with_run("# Performance\n", report.markdown(), {})


def test_the_documentation_s_page_has_the_markers() -> None:
    assert with_run((ROOT / "docs" / "performance.md").read_text(), "run", {}).count("run") > 0
