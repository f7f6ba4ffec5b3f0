"""``python -m tests.soak``: a long soak with figures."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from midday_worker.demo.node import NodeRuntime
from tests.soak.failover_verdict import FailoverVerdict
from tests.soak.failovers import FailoverSoak
from tests.soak.soak import SCHEDULES, TOPOLOGIES, Soak
from tests.soak.verdict import Verdict
from tests.soak.worker import ROOT


def main() -> int:
    """Run a soak, print what was found, and return 1 if that is anything."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000, help="how many (20,000)")
    parser.add_argument("--seconds", type=float, default=300, help="over which they are added (300)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of what happens (any)")
    parser.add_argument("--folder", type=Path, help="for the ledgers (a temporary one)")
    parser.add_argument("--topology", choices=[*TOPOLOGIES, "sentinel"], default="single", help="of Redis (single)")
    parser.add_argument("--failovers", type=int, default=10, help="of sentinels: how many (10)")
    parser.add_argument("--wait-replicas", type=int, default=0, help="of sentinels: REDIS_WAIT_REPLICAS (0)")
    given = parser.parse_args()
    folder: Path = given.folder or Path(tempfile.mkdtemp(prefix="midday-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    say(f"seed {given.seed}; ledgers and the workers' output in {folder}")
    if given.topology == "sentinel":
        behind_sentinels = FailoverSoak(
            given.jobs, given.seconds, given.seed, folder, given.failovers, given.wait_replicas
        )
        return report_failovers(behind_sentinels, asyncio.run(behind_sentinels.run()))
    node = NodeRuntime(ROOT / ".midday" / "node")
    soak = Soak(given.jobs, given.seconds, given.seed, folder, node, topology=given.topology)
    verdict = asyncio.run(soak.run())
    report(soak, verdict)
    return 1 if verdict.offences else 0


def report(soak: Soak, verdict: Verdict) -> None:
    """Print the figures, and what was found."""
    happened = ", ".join(f"{kind} {count}" for kind, count in sorted(soak.disturbances.items()))
    say(f"{verdict.added} jobs added and acknowledged; {happened}")
    say(f"{verdict.fires} runs of {SCHEDULES} schedules of one second")
    say(f"{verdict.repeats} jobs ran again, {len(verdict.repeated)} of them without cause")
    say(f"slowest return to work {verdict.slowest_return_s:.2f} s, of {verdict.returns}")
    say("\n".join(verdict.offences) or "nothing lost, nothing repeated without cause, nothing left")


def report_failovers(soak: FailoverSoak, verdict: FailoverVerdict) -> int:
    """Print what was found of failovers, and return 1 if that is anything."""
    say(f"{verdict.added} jobs added and acknowledged, REDIS_WAIT_REPLICAS={soak.wait_replicas}")
    say(f"{verdict.failovers} failovers; slowest return to work {verdict.slowest_return_s:.2f} s")
    say(f"{verdict.repeats} jobs ran again; of {verdict.forgotten} that have run, nothing is left in Redis")
    lost = [] if soak.wait_replicas else verdict.lost
    offences = [*verdict.offences, *(verdict.lost if soak.wait_replicas else [])]
    say("\n".join([f"{len(lost)} lost, each with a failover", *lost]))
    say("\n".join(offences) or "nothing else lost, nothing repeated without cause, nothing left")
    return 1 if offences else 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
