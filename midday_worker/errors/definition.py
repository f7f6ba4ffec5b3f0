"""What is wrong with the definition of jobs and queues."""

from __future__ import annotations

from collections.abc import Sequence

from midday_worker.errors.root import MiddayWorkerError


class DefinitionError(MiddayWorkerError):
    """A job or a queue is defined wrongly."""


class DuplicateJobError(DefinitionError):
    """Two jobs of one registry have the same id, or the module of one was imported under two names."""

    def __init__(self, job: str, first: str, second: str, names: tuple[str, str] | None = None) -> None:
        self.job = job
        super().__init__(
            f"A job named {job!r} is defined twice: first at {first}, again at {second}. "
            + _one_module(names, "Give one of them another id, or a JobRegistry of its own.")
        )


class DuplicateQueueError(DefinitionError):
    """Two queues have the same name, or the module of one was imported under two names."""

    def __init__(self, queue: str, first: str, second: str, names: tuple[str, str] | None = None) -> None:
        self.queue = queue
        super().__init__(
            f"A queue named {queue!r} is configured twice: first at {first}, again at {second}. "
            + _one_module(names, "Configure a queue once and import the object where it is needed.")
        )


def _one_module(names: tuple[str, str] | None, otherwise: str) -> str:
    if names is None:
        return otherwise
    advice = (
        "Move what it defines out of the program that is run."
        if "__main__" in names
        else "Import it by one of them everywhere, and name that with --import."
    )
    return f"That is one module under two names, {names[0]!r} and {names[1]!r}: Python runs it once for each. {advice}"


class SchemaError(DefinitionError):
    """Values of this schema can't travel through JSON and come back equal."""


class NoHandlerError(MiddayWorkerError):
    """The job is declared without a handler: it is run elsewhere."""

    def __init__(self, job: str, place: str) -> None:
        self.job = job
        super().__init__(
            f"Job {job!r} is declared without a handler, at {place}: it is to be run elsewhere, as by a worker in Node."
        )


class NewerVersionError(MiddayWorkerError):
    """A job's payload is of a newer version than this program knows."""

    def __init__(self, job: str, version: int, known: int) -> None:
        self.job = job
        self.version = version
        self.known = known
        super().__init__(f"Job {job!r} has a payload of version {version}; the newest that is known here is {known}.")


class UnknownJobError(MiddayWorkerError):
    """No job of this id is registered."""

    def __init__(self, job: str, near: Sequence[str] = (), known: int = 0) -> None:
        self.job = job
        self.near = tuple(near)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        super().__init__(
            f"No job named {job!r} is registered ({known} are).{hint} "
            "Jobs register when their module is imported: import it, or name it with --import or WORKER_IMPORTS."
        )
