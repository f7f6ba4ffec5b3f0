"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parents[3]
LONGEST_FILE = 500  # above 300, ask whether it is two nouns
LONGEST_FUNCTION = 40
NOT_NOUNS = {"base", "common", "core", "helper", "helpers", "misc", "types", "util", "utils"}

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[Path]:
    return [path for folder in ("midday_worker", "scripts", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    """Lines from `def` to the end, the docstring left out."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def test_no_file_is_longer_than_the_limit() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in sources()}
    too_long = [f"{path.relative_to(ROOT)}: {lines}" for path, lines in lengths.items() if lines > LONGEST_FILE]
    assert lengths
    assert too_long == []


def test_no_function_is_longer_than_the_limit() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}: {length(function)}"
        for path in sources()
        for function in functions(path)
        if length(function) > LONGEST_FUNCTION
    ]
    assert too_long == []


def test_every_module_is_named_after_a_noun_of_its_own() -> None:
    assert [str(path.relative_to(ROOT)) for path in sources() if path.stem in NOT_NOUNS] == []


def test_only_the_settings_read_the_environment_and_only_a_child_s_starter_passes_it_on() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "midday_worker").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }
    assert readers <= {"midday_worker/settings/settings.py", "midday_worker/processes/worker_child.py"}


def test_nothing_is_written_onto_jobs_outside_their_room_but_what_is_theirs() -> None:
    """What is known of the attempt under way stands in `Attempt`."""
    written: dict[str, set[str]] = {}
    for path in sorted((ROOT / "midday_worker").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                owner = ast.unparse(node.value).rpartition(".")[2]
                if owner in ("job", "_job") and path.parent.name != "job":
                    written.setdefault(path.relative_to(ROOT / "midday_worker").as_posix(), set()).add(node.attr)
    assert written == {
        "admin/reading.py": {"unreadable"},
        "engine/producer/queue.py": {"unreadable"},
        "engine/worker/settlement.py": {"attemptsMade", "is_gone"},
        "engine/worker/worker.py": {"attempt", "token"},
        "execution/executor.py": {"attempts"},
    }
