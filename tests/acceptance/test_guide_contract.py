"""docs/guide/contract.md, followed from top to bottom: every block of it is run."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import cast

import pytest
import yaml

from midday_worker.demo.node import NodeRuntime
from tests.acceptance.command import Command, Finished
from tests.acceptance.readme_blocks import README, blocks, run_python
from tests.node_folder import NodeFolder

GUIDE = README.parent / "docs" / "guide" / "contract.md"
BLOCKS = blocks(GUIDE)


def of(heading: str, language: str, at: int = 0) -> str:
    return [found.text for found in BLOCKS if (found.heading, found.language) == (heading, language)][at]


class Service:
    """The guide's service in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "my_service").mkdir()
        (path / "my_service" / "__init__.py").write_text("")
        self.command = Command(path, {})

    def jobs(self, text: str) -> None:
        (self.path / "my_service" / "jobs.py").write_text(text)

    async def run(self, line: str) -> Finished:
        program, *arguments = shlex.split(line)
        assert program == "midday-worker"
        return await self.command.run(*arguments)

    async def succeed(self, lines: str) -> str:
        """Run lines of a shell's and return what the last one writes."""
        out = ""
        for line in lines.splitlines():
            finished = await self.run(line)
            assert finished.code == 0, finished.out + finished.err
            out = finished.out
        return out


@pytest.fixture
def service(tmp_path: Path) -> Service:
    made = Service(tmp_path)
    made.jobs(of("Jobs", "python"))
    return made


def test_every_block_is_run_by_a_test_of_this_module() -> None:
    known = [
        *("Jobs python", "Export bash", "Export typescript"),
        *("A change python", "A change bash", "A change text", "A change bash"),
        *("In CI yaml", "In CI yaml"),
        *("What Node owns javascript", "What Node owns javascript", "What Node owns bash", "What Node owns python"),
    ]
    assert [f"{found.heading} {found.language}" for found in BLOCKS] == known


async def test_what_is_exported_compiles(service: Service, typescript: NodeRuntime) -> None:
    await service.succeed(of("Export", "bash"))
    assert await service.succeed(of("Export", "bash")) == "contracts is up to date.\n"
    node = NodeFolder(service.path / "node", typescript)
    (service.path / "contracts").rename(node.path / "contracts")
    (node.path / "invite.ts").write_text(of("Export", "typescript"))
    assert node.compile() == []


async def test_a_change_is_shown_as_the_page_shows_it_and_accepted(service: Service) -> None:
    await service.succeed(of("Export", "bash"))
    service.jobs(of("A change", "python"))
    checked = await service.run(of("A change", "bash"))
    assert (checked.code, checked.out) == (1, of("A change", "text"))
    refused = await service.run(of("Export", "bash"))
    assert (refused.code, refused.out) == (1, "")
    assert "Nothing was written" in refused.err
    before = (service.path / "contracts" / "send-notice.json").read_text()
    assert "nobody sends" not in before
    await service.succeed(of("A change", "bash", 1))
    (accepted,) = json.loads((service.path / "contracts" / "send-notice.json").read_text())["history"]
    assert accepted["reason"] == "nobody sends notices yet"
    assert accepted["changes"] == ["payload recipientId: renamed", "payload action: values removed"]
    assert "nothing has changed" in await service.succeed(of("A change", "bash"))


async def test_the_lines_for_ci_are_commands(service: Service) -> None:
    await service.succeed(of("Export", "bash"))
    (step,) = cast("list[dict[str, str]]", yaml.safe_load(of("In CI", "yaml")))
    ((hooks,),) = (
        cast("dict[str, list[dict[str, list[dict[str, str]]]]]", yaml.safe_load(of("In CI", "yaml", 1))).values(),
    )
    assert await service.succeed(step["run"]) == await service.succeed(hooks[0]["hooks"][0]["entry"])


async def test_what_node_owns_is_declared(service: Service, typescript: NodeRuntime) -> None:
    node = NodeFolder(service.path / "node", typescript)
    for at in (0, 1):
        text = of("What Node owns", "javascript", at)
        (node.path / text.split()[1].rstrip(":")).write_text(text)
    (service.path / "node.json").write_text(json.dumps(node.run("contract.mjs")))
    await service.succeed(of("What Node owns", "bash"))
    printed = await run_python(of("What Node owns", "python"), service.path, {})
    assert printed.splitlines() == ["{'invoiceId': '0f8fad5b-d9cb-469f-a165-70867728950e', 'note': None}", "documents"]
    module = service.path / "my_service" / "node_jobs.py"
    assert "# Not carried: render-invoice: payload.note: a change of the text, as trim()" in module.read_text()
    module.write_text(module.read_text() + "# by hand\n")
    checked = await service.run(of("What Node owns", "bash").splitlines()[1])
    assert (checked.code, checked.out) == (1, "")
    assert "isn't what node.json says" in checked.err


async def test_mistakes_are_refused_in_a_line(service: Service) -> None:
    check = "midday-worker contract check --import my_service.jobs"
    assert "There is no folder contracts" in (await service.run(check)).refused()
    assert "No jobs" in (await service.run("midday-worker contract check")).refused()
    assert "Can't read gone.json" in (await service.run("midday-worker contract import gone.json --to a.py")).refused()
    await service.succeed(of("Export", "bash"))
    assert "--accept is empty" in (await service.run(f"{check} --accept ' '")).err
    file = service.path / "contracts" / "send-notice.json"
    file.write_text(file.read_text().replace('"my_service"', '"other"'))
    assert "is of service 'other'; this is 'my_service'" in (await service.run(check)).refused()


async def test_findings_are_written_as_json(service: Service) -> None:
    await service.succeed(of("Export", "bash"))
    service.jobs(of("A change", "python"))
    checked = await service.run(f"{of('A change', 'bash').strip()} --json")
    assert checked.code == 1
    first = cast("list[dict[str, object]]", json.loads(checked.out))[0]
    assert first["rule"] == "renamed"
    assert first["breaking"] is True
    assert set(cast("dict[str, object]", first["sample"])) == {"action", "urgent", "userId"}
