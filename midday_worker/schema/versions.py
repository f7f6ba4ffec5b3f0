"""`Versions`: stored values of older versions of a schema, brought to the newest one before they are validated."""

from __future__ import annotations

import inspect
import json
import traceback
from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar, cast

from midday_worker.errors import DefinitionError, FieldProblem
from midday_worker.schema.schema import InvalidValue, Schema

T = TypeVar("T")
OldT = TypeVar("OldT")
NewT = TypeVar("NewT")

Upcaster: TypeAlias = Callable[[object], object]
"""Takes a value's JSON of one version, and returns that of the next one."""


class Versions(Generic[T]):
    """The versions of a job's payloads, or of its results, and the functions that lead from each to the next.

    A value that comes from elsewhere may have the wrong stamp, or none. So the functions are called first, as keys that
    are unknown are ignored, and an old value could pass as it is, with defaults; what they don't make valid is tried as
    it is stored.

    Args:
        schema: of the newest version; None if any value will do.
        newest: its number, from 1.
    """

    def __init__(self, schema: Schema[T] | None, newest: int) -> None:
        self._schema = schema
        self.newest = newest
        self._upcasters: dict[int, Upcaster] = {}

    def __bool__(self) -> bool:
        """Whether there is a function."""
        return bool(self._upcasters)

    def __contains__(self, version: int) -> bool:
        """Whether there is a function from this version to the next."""
        return version in self._upcasters

    def add(self, from_version: int, upcaster: Upcaster) -> None:
        """Add the function that leads from a version to the next. Raises ValueError if there can't be such a one."""
        if type(from_version) is not int or not 0 < from_version < self.newest:
            older = f"1 to {self.newest - 1}" if self.newest > 1 else "none, as version= is 1"
            raise ValueError(f"from_version is {from_version!r}; accepted: {older}")
        if inspect.iscoroutinefunction(upcaster) or inspect.isasyncgenfunction(upcaster):
            raise ValueError(
                "it is async; accepted: a plain function, as payloads are read where nothing can be awaited"
            )
        if from_version in self._upcasters:
            raise ValueError(f"there is another upcaster from version {from_version}")
        self._upcasters[from_version] = upcaster

    def gaps(self) -> list[int]:
        """Return the versions after the oldest that has a function, and before the newest, that have none."""
        return [
            each
            for each in range(min(self._upcasters, default=self.newest), self.newest)
            if each not in self._upcasters
        ]

    def parse(self, stored: object, version: int) -> T:
        """Return the value that is stored, of a version that was noted with it. Raises InvalidValue."""
        if not self._upcasters or version >= self.newest:
            return self._valid(stored)
        problem: FieldProblem
        try:
            value = self._upcast(stored, version)
        except InvalidValue as error:
            (problem,) = error.problems
        else:
            try:
                return self._valid(value)
            except InvalidValue as error:
                problem = FieldProblem("", f"what the upcasters from version {version} return is invalid: {error}")
        try:
            return self._valid(stored)
        except InvalidValue as error:
            raise InvalidValue((problem, *error.problems)) from None

    def parse_unknown(self, stored: object) -> T:
        """Return a value of whose version nothing was noted; valid in exactly one way. Raises InvalidValue."""
        if not self._upcasters:
            return self._valid(stored)
        ways: dict[int, T] = {}
        problems: list[FieldProblem] = []
        for version in range(self.newest, 0, -1):
            try:
                ways[version] = self._valid(self._upcast(stored, version))
            except InvalidValue as error:
                problems += error.problems
        values = list(ways.values())
        if not values:
            raise InvalidValue(tuple(problems))
        if any(value != values[0] for value in values):
            versions = " and ".join(map(str, sorted(ways)))
            raise InvalidValue(
                (FieldProblem("", f"its version isn't known, and it is valid as of versions {versions}"),)
            )
        return values[0]

    def _valid(self, value: object) -> T:
        if self._schema is None:
            return value  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - T is then object
        return self._schema.validate_wire(value)

    def _upcast(self, stored: object, version: int) -> object:
        # A copy, as a function may change it. copy.deepcopy gives up at a third of the depth that JSON can have.
        value = cast("object", json.loads(json.dumps(stored)))
        for each in range(version, self.newest):
            if each < min(self._upcasters):
                continue  # from before the first change that needed one
            try:
                value = self._upcasters[each](value)
            except Exception as error:  # a user's function: whatever it raises, whose text may hold values
                last = traceback.extract_tb(error.__traceback__)[-1]
                raised = f"{type(error).__name__} at {last.filename}:{last.lineno}"
                raise InvalidValue(
                    (FieldProblem("", f"the upcaster from version {each} raised {raised}", str(error)),)
                ) from None
        return value


def add_upcaster(
    job: str, place: str, versions: Versions[T], from_version: int, upcaster: Callable[[OldT], NewT]
) -> Callable[[OldT], NewT]:
    """Add a job's upcaster and return it. Raises DefinitionError if there can't be such a one."""
    try:
        versions.add(from_version, cast("Upcaster", upcaster))
    except ValueError as error:
        raise DefinitionError(f"Job {job!r} at {place} can't have this upcaster: {error}.") from None
    return upcaster


def refuse_gaps(job: str, place: str, what: str, gaps: Sequence[int], version: int) -> None:
    """Raise DefinitionError if a version between others has no upcaster."""
    if gaps:
        raise DefinitionError(
            f"Job {job!r} at {place} has version={version}, and an upcaster of {what} from an older version than "
            f"{gaps[0]}, but none from_version={gaps[0]}."
        )
