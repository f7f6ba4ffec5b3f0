"""`python_module`: the module that declares the jobs that Node runs.

The classes are datamodel-code-generator's. What is written around them is ours: names as they are on the wire, and a
declaration for each job.
"""

from __future__ import annotations

import json
import keyword
import re
import subprocess
import sys
from importlib.util import find_spec
from typing import Final, NamedTuple

from midday_worker.contract.imported.node_jobs import NodeJob
from midday_worker.contract.imported.preparation import Preparation
from midday_worker.errors import ConfigurationError, ContractError
from midday_worker.settings.printable import one_line

_OPTIONS: Final = (
    *("--ignore-pyproject", "--input-file-type", "jsonschema", "--output-model-type", "pydantic_v2.BaseModel"),
    *("--base-class", "midday_worker.Payload", "--snake-case-field", "--enum-field-as-literal", "all"),
    # Optional is not nullable in zod: what is left out is MISSING, and null is refused.
    *("--use-missing-sentinel", "--strict-nullable", "--use-annotated"),
    # Zod takes no text for a number.
    *("--strict-types", "int", "float", "bool"),
    # No class with a `root` where a list or a text will do.
    *("--use-type-alias", "--skip-root-model", "--parent-scoped-naming"),
    *("--use-schema-description", "--use-field-description", "--use-double-quotes", "--disable-timestamp"),
    *("--target-python-version", "3.11", "--target-pydantic-version", "2.14"),
    *("--formatters", "black", "isort", "--disable-warnings"),
)
_BASE: Final = '''\
class NodePayload(Payload):
    """A payload or a result of a job that Node runs: names are as they are on the wire."""

    model_config = ConfigDict(alias_generator=None)
'''
_HEAD: Final = """\
# Written by `midday-worker contract import`. Changes made by hand are lost, so no rule of style is held against it:
# ruff: noqa
{notes}"""
_FIRST: Final = re.compile(r"^(?:class |\w+ = TypeAliasType)", re.MULTILINE)


class ImportedModule(NamedTuple):
    """A module's text, and what of Node's schemas it doesn't have."""

    text: str
    not_carried: tuple[str, ...]


def python_module(jobs: dict[str, NodeJob]) -> ImportedModule:
    """Return the module with the types of these jobs, and a `job()` for each.

    Raises:
        ConfigurationError: datamodel-code-generator isn't installed.
        ContractError: it can't make classes of a schema.
    """
    preparation = Preparation()
    preparation.add_all(jobs)
    made = _generated(json.dumps({"$defs": preparation.definitions}))
    head, classes = _split(made)
    missing = tuple(dict.fromkeys(preparation.not_carried))
    notes = "".join(f"# Not carried: {one_line(each)}\n" for each in missing)
    base = classes.replace("(Payload):", "(NodePayload):")
    parts = [_HEAD.format(notes=notes) + _with_imports(head), _BASE, base, *_declarations(jobs, preparation)]
    return ImportedModule("\n\n".join(part.strip("\n") + "\n" for part in parts), missing)


def _generated(schema: str) -> str:
    if find_spec("datamodel_code_generator") is None:
        raise ConfigurationError(
            "Classes are made by datamodel-code-generator, which isn't installed: pip install 'midday-worker[contract]'"
        )
    command = [sys.executable, "-m", "datamodel_code_generator", *_OPTIONS]
    done = subprocess.run(command, input=schema, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode != 0:
        raise ContractError(f"datamodel-code-generator made no classes of these schemas: {done.stderr.strip()}")
    return done.stdout


def _split(made: str) -> tuple[str, str]:
    """Return the imports of a module, and what comes after them."""
    found = _FIRST.search(made)
    first = made.find("from __future__")
    last = len(made) if found is None else found.start()
    return made[first:last].rstrip() + "\n", made[last:]


def _with_imports(head: str) -> str:
    """Return imports with those that the base class and the declarations need."""
    found = re.sub(r"from midday_worker import Payload\n", "from midday_worker import Payload, job\n", head)
    if "import Payload" not in found:
        found += "from midday_worker import Payload, job\n"
    return found if "ConfigDict" in found else f"{found}from pydantic import ConfigDict\n"


def _declarations(jobs: dict[str, NodeJob], preparation: Preparation) -> list[str]:
    lines: list[str] = []
    taken: set[str] = set()
    for name, of in jobs.items():
        payload, result = preparation.types[name]
        variable = _variable(name, taken)
        given = f", result={result}" if result else ""
        lines.append(f"{variable} = job({name!r}, {payload}{given}, queue={of.queue!r})\n")
    return ["".join(lines)]


def _variable(job: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", job).lower()).strip("_") or "job_"
    found = f"job_{plain}" if plain[0].isdigit() else plain
    while keyword.iskeyword(found) or found in taken or found == "job":
        found += "_"
    taken.add(found)
    return found
