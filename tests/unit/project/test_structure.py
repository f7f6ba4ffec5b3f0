"""The figures of the structure, on small made-up packages."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import cast

import pytest

from tests.structure.calls import Calls
from tests.structure.meters import cpu_ns, total
from tests.structure.port import Function, functions_of
from tests.structure.rooms import Rooms
from tests.structure.source_tree import SourceTree
from tests.structure.way import WayRecorder, median_changes, median_files, usual_files

NAME = "made_up_house"

FLAT = {
    "__init__.py": "from made_up_house.roof import answer\n",
    "roof.py": "def answer():\n    from made_up_house import wall\n    return wall.answer()\n",
    "wall.py": "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from made_up_house.engine import motor\n",
    "engine/__init__.py": "",
    "engine/motor.py": "from made_up_house.engine import piston\n",
    "engine/piston.py": "from made_up_house import ground\n",
    "ground.py": "",
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], Path]:
    """Write a package's files, and return its folder; it can be imported."""

    def write(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / NAME / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
            monkeypatch.delitem(sys.modules, name)
        invalidate_caches()
        return tmp_path / NAME

    return write


Write = Callable[[Mapping[str, str]], Path]


def test_modules_lines_and_small_ones_are_counted(write: Write) -> None:
    long = "pass\n" * 40
    package = write({**FLAT, "engine/long.py": long, "engine/nearly.py": "pass\n" * 39, "__init__.py": long})
    tree = SourceTree.read(package)
    assert (tree.modules, tree.lines) == (9, 40 + 40 + 39 + 3 + 4 + 1 + 1)
    assert tree.small == 6
    assert (tree.fullest_folder, tree.most_in_a_folder) == (f"{NAME}/engine", 4)


def test_floors_count_imports_for_type_checkers_and_inside_functions_and_an_engine_without_rooms_as_one(
    write: Write,
) -> None:
    write(FLAT)
    assert Rooms(NAME).longest_chain() == ["roof", "wall", "engine", "ground"]


def test_packages_in_the_engine_are_rooms(write: Write) -> None:
    in_rooms = {
        **{name: text for name, text in FLAT.items() if name not in {"engine/motor.py", "engine/piston.py"}},
        "wall.py": "from made_up_house.engine.motor.run import run\n",
        "engine/motor/__init__.py": "",
        "engine/motor/run.py": "from made_up_house.engine.piston import move\nrun = move.move\n",
        "engine/piston/__init__.py": "",
        "engine/piston/move.py": "from made_up_house import ground\nmove = ground\n",
    }
    write(in_rooms)
    assert Rooms(NAME).longest_chain() == ["roof", "wall", "engine.motor", "engine.piston", "ground"]


def test_rooms_that_import_each_other_have_no_floors(write: Write) -> None:
    write({**FLAT, "ground.py": "def late():\n    from made_up_house import wall\n    return wall\n"})
    with pytest.raises(ValueError, match=r"in a circle: .*ground"):
        Rooms(NAME).longest_chain()


FUNCTIONS = """\
def called():
    def inner():
        return 1
    return inner()

class Thing:
    @property
    def seen(self):
        return called()

    async def never(self):
        pass
"""


def test_functions_are_found_where_they_are_called(write: Write) -> None:
    package = write({"__init__.py": "", "things.py": FUNCTIONS, "postgres/__init__.py": "def other(): ...\n"})
    assert len(list(functions_of(package))) == 4
    found = set(functions_of(package, without="postgres"))
    assert {function.name for function in found} == {"called", "seen", "never"}
    thing = cast("object", import_module(f"{NAME}.things").Thing())
    calls = Calls()
    with calls:
        assert vars(type(thing))["seen"].__get__(thing) == 1
    assert found & set(calls.of(package)) == {Function("things.py", 1, "called"), Function("things.py", 7, "seen")}


def test_the_way_goes_on_with_each_change_of_file(write: Write) -> None:
    package = write(
        {
            "__init__.py": "",
            "low.py": "def one():\n    return two()\n\ndef two():\n    return 2\n",
            "high.py": "from made_up_house.low import one, two\n\ndef start():\n    return one() + end() + two()\n"
            "\ndef end():\n    return 1\n",
        }
    )
    high = import_module(f"{NAME}.high")
    recorder = WayRecorder(package)
    with recorder:
        high.start()
    assert recorder.way == ["high.py", "low.py", "high.py", "low.py"]


def test_what_is_rare_on_a_way_does_not_count() -> None:
    ways = [["a", "b", "a"], ["a", "b", "a"], ["a", "heartbeat", "a", "b", "a"]]
    assert (median_files(ways), median_changes(ways), usual_files(ways)) == (2, 2, ["a", "b"])


def test_a_process_s_cpu_time_is_that_of_all_its_threads() -> None:
    before = cpu_ns(0), time.process_time_ns()
    assert 0 <= before[1] - before[0] < 1_000_000_000


def test_the_instructions_are_those_of_the_whole_dump() -> None:
    assert total("events: Ir\nsummary: 12\n\nfn=(1)\n+3 4\n\ntotals: 1234\n") == 1234
