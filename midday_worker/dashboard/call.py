"""One request, admitted, with what its route needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote

from starlette.requests import Request

from midday_worker.dashboard.board import Board
from midday_worker.dashboard.bodies import Body, parse_body
from midday_worker.dashboard.error_response import Problem, wrong_parameter
from midday_worker.dashboard.security.access import Access
from midday_worker.engine.producer.queue import Queue

BodyT = TypeVar("BodyT", bound=Body)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be answered.

    Attributes:
        request: as it came.
        board: what it is about.
        access: who asks, and what they may.
        params: the texts in the open places of its path.
        body: what came with it.
    """

    request: Request
    board: Board
    access: Access
    params: Mapping[str, str]
    body: bytes = b""

    @property
    def queue(self) -> Queue:
        """The queue that the path names. Raises Problem."""
        name = self.params["queue"]
        queue = self.board.queue(name)
        if queue is None:
            raise Problem(404, "ERRORS.QUEUE_NOT_FOUND", f"No queue {name!r} is shown here.")
        return queue

    @property
    def job_id(self) -> str:
        """The job that the path names."""
        return self.params["job"]

    @property
    def read_only(self) -> bool:
        """Whether whoever asks can't change anything."""
        return self.board.read_only or self.access.role != "admin"

    def parsed(self, kind: type[BodyT]) -> BodyT:
        """Return the body, checked. Raises Problem."""
        return parse_body(kind, self.body)

    def asked(self, name: str) -> str | None:
        """Return a parameter of the query; None if it isn't there or is empty."""
        return self.request.query_params.get(name) or None

    def asked_number(self, name: str, most: int) -> int | None:
        """Return a parameter of the query that is a whole number from 1 on; None if it isn't there. Raises Problem."""
        given = self.asked(name)
        if given is None:
            return None
        if not (given.isascii() and given.isdecimal() and len(given) < 20 and 1 <= int(given) <= most):
            raise wrong_parameter(name, f"Accepted: a whole number from 1 to {most}.")
        return int(given)

    def asked_queue(self, name: str) -> str | None:
        """Return the shown queue that a parameter names; the page encodes it once more than others do."""
        given = self.asked(name)
        if given is None:
            return None
        return next((queue for queue in self.board.names if queue in (given, unquote(given))), None)
