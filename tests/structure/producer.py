"""``python -m tests.structure.producer COUNT``: triggers some jobs, and after a line on its input so many, one by one.

It writes a line after each of the two, and ends with its input.
"""

from __future__ import annotations

import sys
from typing import Final

import uvloop

from midday_worker import JobClient, Settings
from tests.structure.jobs import Item, nothing

WARM: Final = 200


async def main(count: int) -> None:
    """Trigger them."""
    async with JobClient(Settings(env_file=None)) as client:
        for number in range(WARM):
            await nothing.trigger(Item(number=number), client=client)
        say_and_wait("warm")
        for number in range(count):
            await nothing.trigger(Item(number=number), client=client)
        say_and_wait("done")


def say_and_wait(word: str) -> None:
    """Write a line and wait for one, in this thread: starting another would be measured."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
