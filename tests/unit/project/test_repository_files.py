"""What a host of repositories and an editor read: that it parses, and names what is there."""

from __future__ import annotations

import configparser
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml

from tests.servers.binaries import BINARIES

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FILES = [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / ".pre-commit-config.yaml"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | int | bool | None"


def tree(path: Path) -> Tree:
    # As YAML 1.2 has it: the key `on` is no truth value.
    found: Tree = yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506 - it makes strings alone
    return found


def values(node: Tree, key: str) -> Iterator[Tree]:
    """What is under a key, at any depth."""
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        for each in node.values():
            yield from values(each, key)
    if isinstance(node, list):
        for each in node:
            yield from values(each, key)


def workflow(name: str) -> Tree:
    return tree(ROOT / ".github" / "workflows" / f"{name}.yml")


def commands(node: Tree) -> list[str]:
    return [str(command) for command in values(node, "run")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_parses(path: Path) -> None:
    assert isinstance(tree(path), dict)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_scripts_that_exist_and_actions_of_a_version(path: Path) -> None:
    scripts = re.findall(r"\bbash (\S+)", "\n".join(commands(tree(path))))
    actions = [str(action) for action in values(tree(path), "uses")]
    assert scripts
    assert [name for name in scripts if not (ROOT / name).is_file()] == []
    assert [name for name in actions if name.startswith("./") and not (ROOT / name).is_file()] == []
    pinned = re.compile(r"\./.+|[\w-]+/[\w/-]+@((release/)?v\d+|[0-9a-f]{40})")
    assert [name for name in actions if not pinned.fullmatch(name)] == []


def test_what_anyone_runs_runs_on_each_python_and_server_that_the_project_names() -> None:
    named = [text.rpartition(" :: ")[2] for text in PROJECT["project"]["classifiers"] if ":: Python :: 3." in text]
    assert list(values(workflow("ci"), "matrix")) == [{"python": named}, {"server": list(BINARIES)}]
    assert {"bash .ci/run", "bash scripts/try-servers ${{ matrix.server }}"} <= set(commands(workflow("ci")))


def test_each_night_all_tests_run_in_another_order_and_known_vulnerabilities_are_asked_for() -> None:
    run = commands(workflow("nightly"))
    (long, others) = (command for command in run if command.startswith("bash scripts/test"))
    assert "-m long" in long
    assert "-m" not in others.split()
    assert all('--random-order "$GITHUB_RUN_NUMBER"' in command for command in (long, others))
    assert "bash scripts/audit" in run
    assert list(values(workflow("nightly"), "cron"))


def test_a_tag_publishes_what_was_tested_and_checked_without_a_secret() -> None:
    text = (ROOT / ".github" / "workflows" / "publish.yml").read_text()
    (jobs,) = values(workflow("publish"), "jobs")
    assert isinstance(jobs, dict)
    assert list(values(jobs["publish"], "needs")) == [["test", "package"]]
    assert list(values(jobs["publish"], "permissions")) == [{"id-token": "write"}]
    assert [name for name in jobs if list(values(jobs[name], "id-token"))] == ["publish"]
    assert 'bash scripts/package "${GITHUB_REF_NAME#v}"' in commands(jobs["package"])
    assert "secrets." not in text
    assert "password" not in text


def test_a_commit_s_hooks_run_what_scripts_check_runs_with_tools_that_are_installed() -> None:
    checked = re.findall(r"^check (\S+)", (ROOT / "scripts" / "check").read_text(), re.MULTILINE)
    entries = [str(entry).split()[0] for entry in values(tree(ROOT / ".pre-commit-config.yaml"), "entry")]
    tools = {entry.removeprefix(".venv/bin/") for entry in entries}
    assert tools == {"ruff", "mypy", "lint-imports"}
    assert tools <= set(checked)
    assert [tool for tool in tools if not (Path(sys.executable).parent / tool).exists()] == []


def test_editors_and_ruff_break_lines_at_the_same_column() -> None:
    editor = configparser.ConfigParser()
    editor.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    assert editor.getint("*", "max_line_length") == PROJECT["tool"]["ruff"]["line-length"]


def test_the_templates_name_files_that_are_there() -> None:
    templates = [*(ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"), ROOT / ".github" / "pull_request_template.md"]
    text = "\n".join(path.read_text() for path in templates)
    named = set(re.findall(r"\b(?:scripts/[a-z-]+|[A-Z]+\.md)\b", text))
    assert {"SECURITY.md", "scripts/test"} <= named
    assert [name for name in named if not (ROOT / name).exists()] == []
