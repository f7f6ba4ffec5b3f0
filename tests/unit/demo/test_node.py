"""Node with npm packages of its own."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from midday_worker.demo import node as node_module
from midday_worker.demo.node import NodeFailedError, NodeRuntime
from midday_worker.errors import ConfigurationError

pytestmark = pytest.mark.process


def no_wheel(_name: str) -> None:
    return None


def nowhere(_name: str) -> str | None:
    return None


def somewhere(name: str) -> str:
    return f"/somewhere/{name}"


@pytest.fixture
def bare(tmp_path: Path) -> NodeRuntime:
    return NodeRuntime(tmp_path / "node", packages={})


async def test_a_script_answers_with_the_last_line_it_prints(bare: NodeRuntime) -> None:
    source = "console.log('noise'); console.log(JSON.stringify({args: process.argv.slice(2)}))"
    assert await bare.run(source, "a", "b c") == {"args": ["a", "b c"]}


async def test_a_script_that_prints_nothing_answers_none(bare: NodeRuntime) -> None:
    assert await bare.run("") is None


async def test_a_script_that_throws_raises_with_what_it_wrote(bare: NodeRuntime) -> None:
    with pytest.raises(NodeFailedError, match="exit code 1") as caught:
        await bare.run("throw new Error('no such luck')")
    assert "no such luck" in caught.value.stderr


async def test_a_script_that_hangs_is_killed_at_its_deadline(bare: NodeRuntime) -> None:
    bare.install()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        await bare.run("setInterval(() => {}, 1000)", timeout_s=0.5)
    assert time.monotonic() - started < 10


def test_packages_are_installed_once(bare: NodeRuntime) -> None:
    bare.install()
    done = bare.directory / ".installed.json"
    first = done.stat().st_mtime_ns
    bare.install()
    assert done.stat().st_mtime_ns == first
    assert json.loads(done.read_text()) == {"private": True, "dependencies": {}}


def test_npm_s_own_words_are_passed_on_when_it_fails(tmp_path: Path) -> None:
    runtime = NodeRuntime(tmp_path, packages={"nothing": "file:missing.tgz"})
    with pytest.raises(NodeFailedError, match="npm could not install") as caught:
        runtime.install()
    assert "missing.tgz" in caught.value.stderr


def test_without_the_wheel_node_is_looked_for_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(node_module, "find_spec", no_wheel)
    monkeypatch.setattr(shutil, "which", somewhere)
    assert NodeRuntime(tmp_path, packages={}).packages == {}


def test_a_machine_without_node_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(node_module, "find_spec", no_wheel)
    monkeypatch.setattr(shutil, "which", nowhere)
    with pytest.raises(ConfigurationError, match=r"midday-worker\[demo\]"):
        NodeRuntime(tmp_path)
