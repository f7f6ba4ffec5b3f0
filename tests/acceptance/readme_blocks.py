"""The code blocks of README.md, and of the guides."""

from __future__ import annotations

import ast
import asyncio
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

README: Final = Path(__file__).parents[2] / "README.md"
_BLOCK: Final = re.compile(
    r"^#{1,3} (?P<heading>[^\n]+)$|^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)

# As `python -m asyncio` runs what is typed there.
_RUNNER: Final = f"""
import asyncio, inspect, sys
import midday_worker

async def main():
    code = compile(sys.stdin.read(), "README.md", "exec", flags={ast.PyCF_ALLOW_TOP_LEVEL_AWAIT})
    made = eval(code, {{"__name__": "README"}})
    if inspect.iscoroutine(made):
        await made
    await midday_worker.close_clients()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Block:
    """One code block: the heading that it is under, its language and its text."""

    heading: str
    language: str
    text: str


def blocks(page: Path = README) -> list[Block]:
    """Return a page's code blocks in order."""
    found: list[Block] = []
    heading = ""
    for match in _BLOCK.finditer(page.read_text("utf-8")):
        if match["heading"]:
            heading = match["heading"]
        else:
            found.append(Block(heading, match["language"], match["text"]))
    return found


def block(heading: str, language: str, page: Path = README) -> str:
    """Return the text of the only block of this language under this heading."""
    (one,) = [block.text for block in blocks(page) if (block.heading, block.language) == (heading, language)]
    return one


async def run_python(source: str, folder: Path, environment: dict[str, str]) -> str:
    """Run what may await at its top level, in a process of its own; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _RUNNER,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate(source.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode()
