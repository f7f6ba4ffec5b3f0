"""``scripts/bench``: measures, prints the tables, and writes them with a JSON file."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from midday_worker.demo.node import NodeRuntime
from scripts.benchmark import machine, page, rounds
from scripts.benchmark.case import Scale
from scripts.benchmark.notes import notes
from scripts.benchmark.peers import install, peers
from scripts.benchmark.plan import ITEMS, QUICK, cases_of
from scripts.benchmark.programs import ROOT
from scripts.benchmark.report import Report
from scripts.benchmark.roster import Contender, choose, family
from scripts.benchmark.stage import Stage

ROUNDS: Final = 5


def main() -> int:
    """Measure and report; 1 if a measurement doesn't count, 2 for wrong arguments."""
    parser = arguments()
    given = parser.parse_args()
    node = NodeRuntime(ROOT / ".midday" / "node")
    environments = ROOT / ".midday" / "bench"
    try:
        contenders = choose([*family(node), *(peers(environments) if given.peers else [])], given.only)
        cases = cases_of(given.items, scale_of(given))
    except ValueError as error:
        parser.error(str(error))
    prepare(contenders, node, environments)
    count = given.rounds or (1 if given.quick else ROUNDS)
    with Stage(given.redis_server) as stage:
        facts = machine.describe(stage, _node_version(node), node.packages)
        run = rounds.measure(stage, cases, contenders, count, say)
        remarks = [*run.left_out, *notes(stage)]
    labels = {contender.name: contender.label for contender in contenders}
    results = run.results.only(given.items)
    report = Report(facts, labels, results, run.errors, count, run.seconds, remarks)
    write(report, given.output)
    if given.docs:
        publish(report)
    say(report.markdown())
    return 1 if run.errors else 0


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--items", type=_names, default=list(ITEMS), help="which, with commas between (W1 to W9)")
    parser.add_argument("--only", type=_names, default=[], help="contenders, with commas between (all)")
    parser.add_argument("--peers", action="store_true", help="other Python libraries too; installs them at first")
    parser.add_argument("--rounds", type=int, help=f"how often each case is measured ({ROUNDS})")
    parser.add_argument("--jobs", type=int, help="the most jobs that a round processes (10,000)")
    parser.add_argument("--redis-server", type=Path, help="the program (the one that `midday-worker dev` starts)")
    parser.add_argument("--quick", action="store_true", help="one small round, to see that it works")
    parser.add_argument("--output", type=Path, default=ROOT / ".midday" / "bench" / "last", help="for the report")
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md, with charts")
    return parser


def scale_of(given: argparse.Namespace) -> Scale:
    """Return how much work was asked for."""
    scale = QUICK if given.quick else Scale()
    return replace(scale, jobs=given.jobs) if given.jobs else scale


def prepare(contenders: Sequence[Contender], node: NodeRuntime, environments: Path) -> None:
    """Install what the contenders need, unless it is there."""
    if any(contender.name == "node" for contender in contenders):
        node.install()
    for name in dict.fromkeys(contender.environment for contender in contenders):
        if name:
            say(f"{name}: {install(environments, name)}")


def write(report: Report, folder: Path) -> None:
    """Write the report as Markdown and as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmark.md").write_text(report.markdown())
    (folder / "benchmark.json").write_text(json.dumps(report.document(), indent=2, ensure_ascii=False) + "\n")
    say(f"written to {folder}")


def publish(report: Report) -> None:
    """Write the report and its charts into the documentation."""
    from scripts.benchmark.chart import draw  # matplotlib, which only this needs

    page.write(
        ROOT / "docs" / "performance.md", report.markdown(), draw(report, ROOT / "docs" / "images" / "performance")
    )
    say("docs/performance.md is written")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _node_version(node: NodeRuntime) -> str:
    asked = subprocess.run(node.command("--version"), capture_output=True, text=True, check=True)
    return asked.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
