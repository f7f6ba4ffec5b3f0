"""`-q`: which queue is meant, with the same letter and the same name wherever a queue can be chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol, cast

from midday_worker.cli.app import COMMANDS, ON_QUEUES, load

WITHOUT: Final = {
    "dev",
    "demo",
    "trigger",
    "health",
    *("contract export", "contract check", "contract import", "contract limits"),
    *("schedules diff", "schedules sync"),
    *("outbox init", "outbox status", "outbox replay"),
}
"""They are about no queue, or a job's definition says which."""


class Parameter(Protocol):
    opts: list[str]
    name: str


class Command(Protocol):
    params: list[Parameter]


def commands() -> Iterator[tuple[str, Command]]:
    """Every command with its path, groups left out."""
    waiting: list[tuple[str, object]] = [(name, load(name)) for name in (*COMMANDS, *ON_QUEUES)]
    while waiting:
        path, command = waiting.pop()
        below = cast("dict[str, object]", getattr(command, "commands", {}))
        waiting += [(f"{path} {name}", sub) for name, sub in below.items()]
        if not below:
            yield path, cast("Command", command)


def test_it_is_the_same_in_all_commands() -> None:
    spelled = {
        path: next((option.opts for option in command.params if "-q" in option.opts), None)
        for path, command in commands()
        if not any(option.name == "queue" and not option.opts[0].startswith("-") for option in command.params)
    }
    assert {path for path, opts in spelled.items() if opts is None} == WITHOUT
    several = {"run", "dashboard"}
    assert all(opts == ["--queues" if path in several else "--queue", "-q"] for path, opts in spelled.items() if opts)
