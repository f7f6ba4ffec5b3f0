"""The container image, as far as its Dockerfile shows it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from midday_worker.cli.app import COMMANDS

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Instruction:
    name: str
    text: str


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, its FROM first."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    found: list[list[Instruction]] = []
    for line in filter(None, map(str.strip, lines)):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append(Instruction(name, rest))
    return found


def only(name: str) -> str:
    """The text of the final stage's one instruction of this name."""
    (instruction,) = [instruction for instruction in stages()[-1] if instruction.name == name]
    return instruction.text


def copied() -> list[str]:
    """What is copied from the project's folder, in any stage."""
    texts = [one.text for stage in stages() for one in stage if one.name == "COPY" and "--from=" not in one.text]
    return [source for text in texts for source in shlex.split(text)[:-1]]


def test_the_final_stage_takes_the_environment_from_a_build_stage() -> None:
    build, final = stages()
    assert build[0].text.endswith(" AS build")
    assert only("COPY").startswith("--from=build ")
    assert final[0].text.endswith("-slim")


@pytest.mark.parametrize("tool", ["apt-get", "gcc", "pip", "build-essential", "curl"])
def test_the_final_stage_installs_nothing(tool: str) -> None:
    assert not [one for one in stages()[-1] if one.name == "RUN" and tool in one.text]


def test_the_worker_does_not_run_as_root() -> None:
    user, _, group = only("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0
    names = [one.name for one in stages()[-1]]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in {"RUN", "COPY"})


def test_signals_reach_the_worker_through_an_init_that_reaps_orphans_and_no_shell() -> None:
    """A handler's own processes may outlive it, and become children of process 1: a worker doesn't wait for them."""
    init, *rest = json.loads(only("ENTRYPOINT"))
    assert rest == ["--", "midday-worker"]
    assert only("STOPSIGNAL") == "SIGTERM"
    # In the environment that the final stage copies, and without libraries of the build stage.
    (installed,) = [one.text for one in stages()[0] if one.name == "RUN" and init in one.text]
    assert installed.endswith(f"cp /usr/bin/{init}-static /opt/midday-worker/bin/{init}")


def test_the_image_runs_and_checks_itself_with_commands_that_exist() -> None:
    (run,) = json.loads(only("CMD"))
    check = only("HEALTHCHECK").partition(" CMD ")[2]
    program, health = json.loads(check)
    assert program == "midday-worker"
    assert {run, health} <= COMMANDS.keys()


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert copied()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source.removeprefix("./"), pattern) for pattern in kept), f"{source} is in .dockerignore"


def test_everything_that_the_build_needs_is_copied() -> None:
    assert {"pyproject.toml", "README.md", "LICENSE", "typings", "midday_worker"} <= {
        source.removeprefix("./").rstrip("/") for source in copied()
    }


def test_pip_takes_only_files_of_known_hashes_or_what_was_made_in_the_build() -> None:
    commands = [command for one in stages()[0] if one.name == "RUN" for command in one.text.split(" && ")]
    installing = [command for command in commands if re.search(r" -m pip (install|wheel|download) ", command)]
    assert len(installing) == 4
    assert [command for command in installing if not {"--require-hashes", "--no-index"} & set(command.split())] == []


def test_the_image_s_requirements_are_those_of_the_extras_that_it_installs() -> None:
    (extras,) = re.findall(r"\.whl\)\[([a-z,]+)\]", (ROOT / "Dockerfile").read_text())
    (locked,) = re.findall(r"^lock image (.*) pyproject.toml$", (ROOT / "scripts" / "lock").read_text(), re.MULTILINE)
    assert locked.split()[1::2] == extras.split(",")
