"""Names and texts that would be code if they stood in a generated file as they are."""

from __future__ import annotations

import ast
import re

import pytest
from pydantic import JsonValue

from midday_worker.contract.document import Contract
from midday_worker.contract.imported.node_jobs import NodeJob
from midday_worker.contract.imported.python_module import python_module
from midday_worker.contract.typescript.module import typescript_modules

HOSTILE = 'a"""\n\nhacked = 1;\u2028hacked = 2\n*/ hacked = 3 /* `${hacked}` \' \\" \\'
SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "description": HOSTILE,
    "title": HOSTILE,
    "properties": {
        HOSTILE: {"type": "string", "description": HOSTILE, "default": HOSTILE, "format": HOSTILE, "not": {}},
        "b": {"enum": [HOSTILE], "x-not-carried": [HOSTILE], "x-validators": [HOSTILE]},
        "c": {"type": "string", "pattern": "[\"'\\\\/`\n\u2028]", "examples": [HOSTILE]},
        "d": {"$ref": "#/$defs/D"},
        "f": {"$ref": "#/$defs/NodePayload"},
    },
    "$defs": {
        "NodePayload": {"type": "object", "properties": {"g": {"type": "integer"}}},
        "D": {"type": "object", "description": HOSTILE, "properties": {"e": {"const": HOSTILE}}},
    },
}


def test_no_text_becomes_typescript() -> None:
    missing = (HOSTILE,)
    contract = Contract(service="shop", job=HOSTILE, queue="q", payload=SCHEMA, result=SCHEMA, not_expressed=missing)
    for module in typescript_modules({HOSTILE: contract}).texts.values():
        bare = re.sub(r'"(?:[^"\\\n\u2028]|\\.)*"', '""', module)
        bare = re.sub(r"/\*(?:[^*]|\*(?!/))*\*/|//[^\n\u2028]*|new RegExp\([^)]*\)", "", bare)
        assert "hacked" not in bare


@pytest.mark.process
def test_no_text_becomes_python() -> None:
    made = python_module({HOSTILE: NodeJob(queue="q", payload=SCHEMA, result=SCHEMA)})
    for node in ast.walk(ast.parse(made.text)):
        assert not (isinstance(node, ast.Name) and node.id == "hacked")
    (declared,) = [
        node.value
        for node in ast.parse(made.text).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "job"
    ]
    assert ast.literal_eval(declared.args[0]) == HOSTILE
    assert made.text.count("class NodePayload(") == 1
