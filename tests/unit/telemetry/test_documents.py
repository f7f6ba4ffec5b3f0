"""What the documents and the files to deploy say of metrics is what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, cast

import promql_parser
import pytest
import yaml

from midday_worker.telemetry.metrics.catalogue import INSTRUMENTS

DOCS = Path(__file__).parents[3] / "docs"
DEPLOY = sorted((DOCS / "deploy").iterdir())
ROW = re.compile(r"^\| `(midday_worker_\w+)` \| (\w+) \| (.*?) ?\| (.*) \|$", re.MULTILINE)


class Rule(TypedDict):
    alert: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]


class Group(TypedDict):
    rules: list[Rule]


class Panel(TypedDict):
    id: int
    title: str
    gridPos: dict[str, int]
    targets: list[object]


def parsed(path: Path) -> object:
    text = path.read_text()
    return cast("object", json.loads(text) if path.suffix == ".json" else yaml.safe_load(text))


def expressions(node: object) -> Iterator[str]:
    """Every PromQL expression in a document, wherever it is."""
    if isinstance(node, dict):
        for key, value in cast("dict[str, object]", node).items():
            if key in ("expr", "query") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for each in cast("list[object]", node):
            yield from expressions(each)


def assert_is_promql(text: str) -> None:
    """Have an expression parsed, and the types of its parts checked, as Prometheus does."""
    if path_of := re.fullmatch(r"label_values\((.*), \w+\)", text):  # Grafana's own
        text = path_of[1]
    try:
        promql_parser.parse(text.replace("$__rate_interval", "5m").replace("$queue", ".*"))
    except ValueError as error:
        raise AssertionError(f"{text}: {error}") from None


def test_the_table_is_the_registry() -> None:
    table = [match.groups() for match in ROW.finditer((DOCS / "observability.md").read_text())]
    assert table == [
        (name, each.kind, ", ".join(f"`{label}`" for label in each.labels), each.help)
        for name, each in INSTRUMENTS.items()
    ]


def test_the_files_are_those_that_the_page_links() -> None:
    linked = re.findall(r"\]\(deploy/([\w.]+)\)", (DOCS / "observability.md").read_text())
    assert sorted(linked) == [path.name for path in DEPLOY] == ["alerts.yaml", "grafana.json", "keda.yaml"]


@pytest.mark.parametrize("path", DEPLOY, ids=lambda path: path.name)
def test_every_metric_and_label_in_them_exists(path: Path) -> None:
    found = [text for text in expressions(parsed(path)) if "midday_worker" in text]
    assert found
    for text in found:
        assert_is_promql(text)
        for name, labels in re.findall(r"(midday_worker_\w+)(?:\{([^}]*)\})?", text):
            instrument = INSTRUMENTS[name.removesuffix("_bucket") if name.endswith("_bucket") else name]
            assert name.endswith("_bucket") == (instrument.kind == "histogram"), text
            assert set(re.findall(r"(\w+)=", labels)) <= set(instrument.labels), text


def test_the_alerts_are_rules_that_prometheus_takes() -> None:
    (group,) = cast("dict[str, list[Group]]", parsed(DOCS / "deploy" / "alerts.yaml"))["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(names) == len(set(names)) > 5
    for rule in group["rules"]:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert rule["annotations"]["summary"]


def test_what_an_alert_says_is_in_what_it_finds() -> None:
    (group,) = cast("dict[str, list[Group]]", parsed(DOCS / "deploy" / "alerts.yaml"))["groups"]
    for rule in group["rules"]:
        kept = re.findall(r"\bby \(([^)]*)\)", rule["expr"])
        said = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        assert said <= ({label for labels in kept for label in labels.split(", ")} if kept else {"instance"}), rule


def test_what_waits_in_a_paused_queue_starts_no_workers() -> None:
    """It would start as many as there may be, for as long as the queue is paused."""
    queries = [text for text in expressions(parsed(DOCS / "deploy" / "keda.yaml")) if "midday_worker" in text]
    assert len(queries) == 2
    for query in queries:
        compared = cast("promql_parser.AggregateExpr", promql_parser.parse(query)).expr
        assert isinstance(compared, promql_parser.BinaryExpr)
        assert str(compared.op) == "unless"
        assert "midday_worker_queue_paused" in str(compared.rhs)


def test_no_alert_says_that_a_paused_queue_is_late() -> None:
    (group,) = cast("dict[str, list[Group]]", parsed(DOCS / "deploy" / "alerts.yaml"))["groups"]
    (late,) = (rule["expr"] for rule in group["rules"] if "oldest_waiting" in rule["expr"])
    compared = promql_parser.parse(late)
    assert isinstance(compared, promql_parser.BinaryExpr)
    assert str(compared.op) == "unless"
    assert "> 300" in str(compared.lhs)
    assert "midday_worker_queue_paused" in str(compared.rhs)


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    panels = cast("dict[str, list[Panel]]", parsed(DOCS / "deploy" / "grafana.json"))["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(places) == len(set(places)) == len({panel["id"] for panel in panels})
    assert all(panel["targets"] and panel["title"] for panel in panels)
