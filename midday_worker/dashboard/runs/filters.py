"""Which runs are asked for. A query and a body name the same things."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import Field

from midday_worker.admin.runs import STATES, BulkAct, RunChoice, Tag
from midday_worker.dashboard.board import Board
from midday_worker.dashboard.bodies import Body, checked
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.error_response import Problem, wrong_parameter

LARGEST: Final = 2**53 - 1
"""The largest integer that the page can hold."""

_Text: TypeAlias = Annotated[str, Field(max_length=1_000)]
_Texts: TypeAlias = Annotated[list[_Text], Field(default_factory=lambda: [], max_length=1_000)]


class Filters(Body):
    """What runs are chosen by; what isn't given means all."""

    queue: _Texts
    state: _Texts
    job: _Texts
    tag: _Texts
    text: _Text = ""

    def choice(self, board: Board, until_ms: int | None = None) -> RunChoice:
        """Return the choice, of runs up to a time.

        Raises:
            Problem: a queue isn't shown, or a state is none.
            InvalidInputError: a tag is none.
        """
        for name in self.queue:
            if name not in board.names:
                raise Problem(404, "ERRORS.QUEUE_NOT_FOUND", f"No queue {name!r} is shown here.")
        for state in self.state:
            if state not in STATES:
                raise wrong_parameter("state", f"There is no state {state!r}. Accepted: {', '.join(STATES)}.")
        return RunChoice(
            queues=tuple(dict.fromkeys(self.queue)) or board.names,
            states=tuple(dict.fromkeys(self.state)) or STATES,
            jobs=frozenset(self.job),
            tags=tuple(map(Tag.parse, self.tag)),
            text=self.text.strip(),
            until_ms=until_ms,
        )


class BulkStepBody(Filters):
    """One step of an act on many runs.

    `left` is how many of those that were counted it may still be done to, `until` the time of the count.
    """

    act: BulkAct
    left: int = Field(ge=1, le=LARGEST)
    until: int = Field(ge=0, le=LARGEST)
    cursor: Annotated[str, Field(max_length=1_048_576)] | None = None


def asked_choice(call: Call) -> RunChoice:
    """Return the choice that a query makes. Raises Problem, InvalidInputError."""
    query = call.request.query_params
    given: dict[str, object] = {name: query.getlist(name) for name in ("queue", "state", "job", "tag")}
    filters = checked(Filters, {**given, "text": query.get("text", "")})
    return filters.choice(call.board, call.asked_number("until", LARGEST))
