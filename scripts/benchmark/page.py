"""docs/performance.md: the last full run, between two markers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

BEGIN: Final = "<!-- the last run: written by scripts/bench --docs -->"
END: Final = "<!-- end of the last run -->"


def with_run(page: str, markdown: str, charts: Mapping[str, str]) -> str:
    """Return the page with this run between the markers, each item's chart below its title.

    Args:
        page: the page as it is.
        markdown: the report.
        charts: files by item, as the page refers to them.

    Raises:
        ValueError: the page has no markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} with {END} after it")
    lines: list[str] = []
    for line in markdown.splitlines():
        lines.append(line)
        item = line.removeprefix("### ").partition(":")[0]
        if line.startswith("### ") and item in charts:
            lines += ["", f"![{line.removeprefix('### ')}]({charts[item]})"]
    return f"{before}{BEGIN}\n\n" + "\n".join(lines).strip() + f"\n\n{END}{after}"


def write(path: Path, markdown: str, charts: Mapping[str, Path]) -> None:
    """Write the run into the page."""
    relative = {item: chart.relative_to(path.parent).as_posix() for item, chart in charts.items()}
    path.write_text(with_run(path.read_text(), markdown, relative))
