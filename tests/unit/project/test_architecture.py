"""The rooms of midday_worker: how they import each other, and that docs/images/architecture.svg shows it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from scripts.drawing.imports import Graph, cycles, floors, module_imports, reached, read_modules, room_imports, room_of
from scripts.drawing.plan import COLUMNS, LONGEST_PURPOSE, arrows, read_plan
from scripts.drawing.svg import ARCHITECTURE, PORT, Drawing, picture

MOST_FLOORS: Final = 14
MOST_SMALL_MODULES: Final = 45
SMALL: Final = 40
"""Lines. Of a smaller module, ask whether it belongs to its only importer."""
PRIVATE_IMPORT: Final = re.compile(r"^\s*(?:from|import) (midday_worker\.(?!jobs\b)\S+)", re.MULTILINE)

PLAN: Final = read_plan()
ARROWS: Final = arrows(PLAN)


@cache
def modules() -> Graph:
    """What each module imports, read when the first test asks: to collect tests is not to parse the package."""
    return module_imports()


@cache
def rooms() -> Graph:
    """What each room imports."""
    return room_imports(modules())


def tree(folder: Path, files: dict[str, str]) -> Path:
    """A package of this name in a folder of its own."""
    for name, text in files.items():
        path = folder / "midday_worker" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def test_every_way_to_import_is_read(tmp_path: Path) -> None:
    """A check that overlooks imports would find nothing, whatever the code is."""
    root = tree(
        tmp_path,
        {
            "__init__.py": "if TYPE_CHECKING:\n    from midday_worker.low.one import One as One\n",
            "low/__init__.py": "",
            "low/one.py": "import midday_worker.low.two\n",
            "low/two.py": "if TYPE_CHECKING:\n    from midday_worker.low import one\n",
            "engine/deep/a.py": "def f():\n    from midday_worker.low.one import One\n",
            "high.py": "from midday_worker import One, __version__\n",
        },
    )

    modules = module_imports(root)

    assert modules["midday_worker.low.one"] == {"midday_worker.low.two"}
    assert modules["midday_worker.high"] == {"midday_worker", "midday_worker.low.one"}
    assert cycles(modules) == ["midday_worker.low.one", "midday_worker.low.two"]
    assert room_imports(modules) == {"low": set(), "engine.deep": {"low"}, "high": {"low"}}
    assert floors(room_imports(modules)) == {"low": 1, "engine.deep": 2, "high": 2}


def test_no_module_leads_back_to_itself() -> None:
    assert cycles(modules()) == []


def test_no_room_leads_back_to_itself() -> None:
    assert cycles(rooms()) == []


def test_the_house_is_not_too_high() -> None:
    standing = floors(rooms())

    assert max(standing.values()) <= MOST_FLOORS, sorted(standing.items(), key=lambda each: -each[1])


def test_the_jobs_that_ship_import_the_public_api_alone() -> None:
    """Whoever reads them as examples can write what they write."""
    sources = {name: path.read_text("utf-8") for name, path in read_modules().items() if room_of(name) == "jobs"}
    private = {found for text in sources.values() for found in PRIVATE_IMPORT.findall(text)}

    assert sources
    assert private == set()


def test_few_modules_are_small() -> None:
    paths = [path for path in read_modules().values() if path.name != "__init__.py"]
    small = [str(path) for path in paths if len(path.read_text("utf-8").splitlines()) < SMALL]

    assert len(small) <= MOST_SMALL_MODULES, small


def test_the_plan_has_every_room() -> None:
    assert sorted(PLAN) == sorted(rooms())


def test_every_room_has_a_place_of_its_own_and_a_purpose_that_fits() -> None:
    places = {(room.row, room.column) for room in PLAN.values()}

    assert len(places) == len(PLAN)
    assert all(0 <= room.column < COLUMNS for room in PLAN.values())
    assert [room.name for room in PLAN.values() if not 0 < len(room.purpose) <= LONGEST_PURPOSE] == []


@pytest.mark.parametrize("name", PLAN)
def test_every_arrow_is_an_import_and_leads_downwards(name: str) -> None:
    assert [target for target in ARROWS[name] if target not in rooms()[name]] == []
    assert [target for target in ARROWS[name] if PLAN[target].row <= PLAN[name].row] == []


@pytest.mark.parametrize("name", PLAN)
def test_every_import_is_an_arrow_or_implied_by_arrows(name: str) -> None:
    assert sorted(rooms()[name] - reached(ARROWS, name)) == []


@pytest.mark.parametrize("name", PLAN)
def test_no_arrow_is_implied_by_others(name: str) -> None:
    others = {target for first in ARROWS[name] for target in reached(ARROWS, first)}

    assert sorted(ARROWS[name] & others) == []


@pytest.mark.parametrize("drawing", [ARCHITECTURE, PORT], ids=lambda drawing: drawing.name)
def test_the_picture_is_what_the_script_draws(drawing: Drawing) -> None:
    assert drawing.path.read_text("utf-8") == picture(drawing.plan(), drawing), "run: bash scripts/architecture"
