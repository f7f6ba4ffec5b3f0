"""`contract import`: what zod judges under Node, pydantic judges alike; what it can't is named."""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from pydantic import JsonValue

from midday_worker.contract.imported.node_jobs import read_jobs
from midday_worker.contract.imported.python_module import python_module
from midday_worker.definition.definition import JobDefinition
from midday_worker.definition.registry import default_registry
from midday_worker.demo.node import NodeRuntime
from midday_worker.schema.schema import InvalidValue
from tests.acceptance.readme_blocks import README, blocks
from tests.integration.contract.hostile_payloads import payloads
from tests.node_folder import NodeFolder

HERE = Path(__file__).parent
GUIDE = README.parent / "docs" / "guide" / "contract.md"
NOT_ALIKE = {"refined", "changed"}
"""Jobs with what JSON Schema doesn't carry."""


def exported(folder: NodeFolder) -> dict[str, dict[str, JsonValue]]:
    """Write what the guide's script says of the jobs in jobs.mjs, and return it."""
    (script,) = [found.text for found in blocks(GUIDE) if found.text.startswith("// contract.mjs")]
    (folder.path / "contract.mjs").write_text(script)
    found = folder.run("contract.mjs")
    (folder.path / "node.json").write_text(json.dumps(found))
    return cast("dict[str, dict[str, JsonValue]]", found)


def imported(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a module whose jobs are in no registry afterwards."""
    monkeypatch.setattr(default_registry, "_jobs", {})
    spec = importlib.util.spec_from_file_location("node_jobs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "node_jobs", module)
    spec.loader.exec_module(module)
    return module


def accepted(definition: JobDefinition[object, object], value: JsonValue) -> bool:
    try:
        definition.schema.validate_wire(value)
    except InvalidValue:
        return False
    return True


def judge(tmp_path: Path, typescript: NodeRuntime, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    folder = NodeFolder(tmp_path / "node", typescript)
    (folder.path / "jobs.mjs").write_text((HERE / "worker_schemas.mjs").read_text())
    (folder.path / "verdicts.mjs").write_text((HERE / "verdicts.mjs").read_text())
    schemas = exported(folder)
    assert len(schemas) == 51
    made = python_module(read_jobs(folder.path / "node.json"))
    assert made == python_module(read_jobs(folder.path / "node.json"))
    (tmp_path / "node_jobs.py").write_text(made.text)
    imported(tmp_path / "node_jobs.py", monkeypatch)
    rng = random.Random(7)  # noqa: S311 - a test
    given = {name: payloads(cast("dict[str, JsonValue]", of["payload"]), count, rng) for name, of in schemas.items()}
    judged = cast("dict[str, list[bool]]", folder.run("verdicts.mjs", json.dumps(given)))
    unlike: list[tuple[str, JsonValue, bool]] = []
    for name, values in given.items():
        definition = default_registry.get(name)
        assert name in NOT_ALIKE or {True, False} <= set(judged[name]) or name == "anything", name
        for value, verdict in zip(values, judged[name], strict=True):
            none_at_all = name == "nothing" and value == {}  # what BullMQ stores for no data
            if name not in NOT_ALIKE and not none_at_all and accepted(definition, value) != verdict:
                unlike.append((name, value, verdict))
            if name == "refined" and verdict:
                assert accepted(definition, value), value
    assert not unlike, "\n".join(map(str, unlike[:20]))
    assert {each.partition(":")[0] for each in made.not_carried} == NOT_ALIKE
    assert "refined: payload.password: a refinement" in made.not_carried
    assert [each for each in made.not_carried if each.startswith("changed")] == [
        "changed: payload.name: a change of the text, as trim()",
        "changed: payload.at: a coercion",
        "changed: payload.size: a transformation",
        "changed: payload.tag: a value in place of a wrong one (catch)",
        "changed: payload.raw: a transformation",
        "changed: payload.day: the type date",
    ]


def test_pydantic_judges_as_zod_does(tmp_path: Path, typescript: NodeRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(tmp_path, typescript, monkeypatch, 100)


@pytest.mark.long
def test_pydantic_judges_1000_payloads_each_as_zod_does(
    tmp_path: Path, typescript: NodeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(tmp_path, typescript, monkeypatch, 1_000)
