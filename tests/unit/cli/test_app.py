"""The list of commands, which is shown without them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from midday_worker.cli.app import COMMANDS, ON_QUEUES, load


@pytest.mark.parametrize(("name", "line"), {**COMMANDS, **ON_QUEUES}.items())
def test_the_list_says_of_a_command_what_the_command_says_of_itself(name: str, line: str) -> None:
    assert (load(name).help or "").partition("\n")[0] == line


@pytest.mark.process
def test_help_imports_none_of_what_the_commands_need() -> None:
    heavy = "{'bullmq', 'redis', 'sqlalchemy', 'pydantic', 'loguru', 'asyncio', 'midday_worker.admin'}"
    code = f"""import sys; from midday_worker.cli import main
try: main()
finally: print(*({heavy} & sys.modules.keys()), file=sys.stderr)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Run jobs until a signal" in done.stdout
    assert done.stderr.strip() == ""
