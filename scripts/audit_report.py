"""What pip-audit's report means: vulnerabilities, none, or that it could not look for them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

OWN: Final = "midday-worker"
"""Ours, which no advisory database knows."""


def verdict(report: str) -> tuple[int, list[str]]:
    """Return an exit code, and what to say: 0 if nothing is known, 1 if something is, 2 if it wasn't found out.

    Args:
        report: pip-audit's, as JSON.
    """
    try:
        found = cast("Mapping[str, Sequence[Mapping[str, object]]]", json.loads(report))
        packages = [each for each in found["dependencies"] if each["name"] != OWN]
    except (ValueError, KeyError, TypeError):
        return 2, ["could not run: pip-audit gave no report; it says why above"]
    said = [
        f"{each['name']} {each['version']}: {known['id']}, mended in {_mended(known)}"
        for each in packages
        for known in cast("Sequence[Mapping[str, object]]", each.get("vulns", ()))
    ]
    skipped = [str(each["skip_reason"]) for each in packages if "skip_reason" in each]
    if skipped or not packages:
        first = skipped[0] if skipped else "there were none"
        said.append(f"could not run for {len(skipped)} of {len(packages)} packages, the first: {first}")
    if any("mended in" in line for line in said):
        return 1, said
    return (2, said) if said else (0, [f"no known vulnerability in {len(packages)} packages"])


def _mended(known: Mapping[str, object]) -> str:
    return ", ".join(cast("Sequence[str]", known.get("fix_versions", ()))) or "no version yet"


def main(path: str) -> int:
    """Say what a report means. Return the exit code."""
    code, said = verdict(Path(path).read_text())
    sys.stderr.write("\n".join([*said, ""]))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
