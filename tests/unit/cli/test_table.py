"""Tables in terminals of any size: nothing of them is lost."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from midday_worker.admin import QueueOverview
from midday_worker.cli.commands.queues import Row, render, screen
from midday_worker.cli.table import fitted

NAME = "mails-of-a-rather-long-name"
COUNTS = {"waiting": 1, "active": 2, "failed": 10_000, "completed": 1_234_567}


def rows(count: int) -> list[Row]:
    return [Row(overview(f"{NAME}-{number}"), 3) for number in range(count)]


def overview(name: str) -> QueueOverview:
    return QueueOverview(name=name, counts=COUNTS, paused=True, concurrency=None, rate=None, limited_ms=0, schedules=0)


def console(width: int, height: int = 25) -> Console:
    return Console(file=io.StringIO(), width=width, height=height, highlight=False, force_terminal=False)


def written(part: RenderableType, on: Console) -> list[str]:
    on.print(part)
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [200, 100, 80, 60, 50, 40, 34, 20])
def test_in_a_narrow_terminal_names_and_numbers_are_whole(width: int) -> None:
    lines = written(fitted(render(rows(2), "bull"), width), console(width))
    assert max(map(len, lines)) <= width
    whole = "".join("".join(lines).split())
    if width < 80:
        assert whole.count(NAME) == 2
    words = re.findall(r"[\d,]+", " ".join(lines))
    assert words.count("10,000") == words.count("1,234,567") == 2
    assert "paused" in whole


@pytest.mark.parametrize("width", [100, 40])
def test_how_it_goes_is_never_cut_off_and_what_does_not_fit_is_said(width: int) -> None:
    trouble = Text("Redis is not reachable")
    lines = written(screen(trouble, rows(35), "bull", console(width, 20)), console(width, 20))
    assert lines[0] == trouble.plain
    assert len(lines) < 20
    left_out = re.search(r"and (\d+) more; midday-worker queues --once", " ".join(lines))
    assert left_out is not None
    assert sum(line.count("10,000") for line in lines) == 35 - int(left_out[1])


def test_what_fits_is_shown_whole() -> None:
    lines = written(screen(Text("every 2 s"), rows(3), "bull", console(150, 20)), console(150, 20))
    assert [sum(f"{NAME}-{number} " in line for line in lines) for number in range(3)] == [1, 1, 1]
    assert "more" not in " ".join(lines)


def test_before_redis_has_answered_no_queues_are_called_missing() -> None:
    assert written(screen(Text("not reachable"), None, "bull", console(80)), console(80)) == ["not reachable"]
    assert "No queues" in " ".join(written(screen(Text("every 2 s"), [], "bull", console(80)), console(80)))


def test_a_terminal_of_few_lines_still_says_how_it_goes() -> None:
    assert written(screen(Text("every 2 s"), rows(35), "bull", console(100, 3)), console(100, 3)) == [
        "every 2 s",
        "35 queues",
    ]


def of(name: str, workers: int = 1, **changed: object) -> Row:
    return Row(replace(overview(name), **{"paused": False, "counts": {}} | changed), workers)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - by their names


def test_queues_in_trouble_come_first() -> None:
    busy = {"waiting": 3}
    rows = [
        of("a-well", counts=busy),
        of("b-failed", counts={"failed": 1}),
        of("c-paused-and-empty", paused=True),
        of("d-nobody", 0, counts=busy),
        of("e-parent", 0, counts={"waiting-children": 1}),
        of("f-paused", paused=True, counts=busy),
    ]
    lines = written(render(rows, "bull"), console(200))[2:]
    assert [line[0] for line in lines] == list("defbca")


@pytest.mark.parametrize("width", [80, 70])
def test_in_an_ordinary_terminal_each_queue_is_one_line(width: int) -> None:
    many = {"waiting": 12_345, "active": 50, "delayed": 1_234, "completed": 1_234_567, "failed": 10_000}
    rows = [of(f"{NAME}-{number}", number, counts=many, limited_ms=90_000, concurrency=50) for number in range(5)]
    lines = written(render(rows, "bull", width), console(width))
    assert max(map(len, lines)) <= width
    assert len(lines) == 2 + len(rows)
    for number, line in enumerate(lines[2:]):
        assert re.match(rf"mails-.*-{number} ", line)
        assert re.findall(r"[\d,]{4,}", line) == ["12,345", "1,234", "1,234,567", "10,000"]
    assert "no workers" in lines[2]
    assert "limited" in lines[3]
    assert written(screen(Text("every 2 s"), rows, "bull", console(width)), console(width))[1:] == lines
