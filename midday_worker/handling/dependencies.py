"""`Depends`: what a handler is given beside payload and context, by the annotations of its further parameters."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, cast, get_args, get_origin

from midday_worker.databases import DatabaseProvider
from midday_worker.errors import DefinitionError
from midday_worker.handling.batch_context import BatchContext
from midday_worker.handling.context import JobContext
from midday_worker.handling.resolved_annotations import resolved_annotations
from midday_worker.handling.sync_context import SyncJobContext

Provider: TypeAlias = Callable[..., object]
Scope: TypeAlias = Literal["job", "worker", "call"]

_SCOPES: Final = ("job", "worker", "call")
_CONTEXTS: Final = (JobContext, BatchContext, SyncJobContext)


@dataclass(frozen=True, slots=True)
class Depends:
    """Stands in a parameter's annotation, and says what gives it its value: `Annotated[AsyncClient, Depends(client)]`.

    Attributes:
        provider: a function, async or plain, that returns the value, or a generator, async or plain, that yields it
            once and cleans up after that. Its own parameters may depend on others, or be the context.
        scope: "job": one for each attempt, opened before the handler, closed after it. "worker": one for each process,
            opened as it starts, closed after the last job. "call": one for each parameter, never shared; else as "job".

    Raises:
        DefinitionError: the provider can't be called, or there is no such scope.

    >>> async def greeting() -> str:
    ...     return "Hello"
    >>> @job("greet", registry=JobRegistry())
    ... async def greet(data: str, ctx: JobContext, hello: Annotated[str, Depends(greeting)]) -> str:
    ...     return f"{hello}, {data}"
    """

    provider: Provider
    scope: Scope = "job"

    def __post_init__(self) -> None:
        if not callable(self.provider):
            raise DefinitionError(
                f"Depends({self.provider!r}) can't be called; accepted: a function that returns a value."
            )
        if self.scope not in _SCOPES:
            known = ", ".join(map(repr, _SCOPES))
            raise DefinitionError(f"Depends({name_of(self.provider)}) has scope={self.scope!r}; accepted: {known}.")


@dataclass(frozen=True, slots=True)
class Need:
    """A parameter that is given what a provider returns.

    Attributes:
        parameter: its name.
        provider, scope: see `Depends`.
        needs: what the provider's own parameters are given.
        contexts: those of its parameters that are given the handler's context.
        blocking: whether it is for a plain function, whose sessions block.
    """

    parameter: str
    provider: Provider
    scope: Scope
    needs: tuple[Need, ...] = ()
    contexts: tuple[str, ...] = ()
    blocking: bool = False

    @property
    def key(self) -> tuple[Provider, Scope]:
        """What it is shared by."""
        return self.provider, self.scope

    def tree(self) -> Iterator[Need]:
        """Yield all that it needs, and itself after that."""
        for need in self.needs:
            yield from need.tree()
        yield self


def needs_of(function: Callable[..., object], given: int = 2) -> tuple[Need, ...]:
    """Return what the parameters of a handler or a hook ask for.

    Args:
        function: it.
        given: how many parameters it is given by position.

    Raises:
        DefinitionError: a dependency depends on itself, lives longer than what it needs, or asks for what nobody gives.
    """
    blocking = not is_asynchronous(function)
    return tuple(
        _need(parameter, depends, (), blocking)
        for parameter, depends in _parameters(function)[given:]
        if depends is not None
    )


@functools.cache
def needs_of_hook(hook: Callable[..., object]) -> tuple[Need, ...]:
    """Return what a hook asks for beside its event, found once. Raises DefinitionError, as `needs_of`."""
    return needs_of(hook, 1)


def _need(parameter: inspect.Parameter, depends: Depends, path: tuple[Provider, ...], blocking: bool) -> Need:
    provider = depends.provider
    if isinstance(provider, DatabaseProvider):
        _check_session(parameter, blocking)
        return Need(parameter.name, provider, depends.scope, blocking=blocking)
    if provider in path:
        circle = " -> ".join(map(name_of, (*path[path.index(provider) :], provider)))
        raise DefinitionError(f"The dependency {name_of(provider)} depends on itself: {circle}.")
    needs: list[Need] = []
    contexts: list[str] = []
    for each, wanted in _parameters(provider):
        if wanted is not None:
            needs.append(_need(each, wanted, (*path, provider), blocking))
        elif each.annotation in _CONTEXTS:
            contexts.append(each.name)
        elif each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise DefinitionError(
                f"The dependency {name_of(provider)} has a parameter {each.name!r} that nothing is given to; accepted: "
                "`Annotated[..., Depends(...)]`, the context, or a default."
            )
    _check_scope(depends, needs, contexts)
    return Need(parameter.name, provider, depends.scope, tuple(needs), tuple(contexts))


def _check_session(parameter: inspect.Parameter, blocking: bool) -> None:
    # By name: whoever has no database is spared SQLAlchemy.
    annotated = getattr(cast("tuple[object, ...]", get_args(parameter.annotation))[0], "__name__", "")
    if annotated == ("AsyncSession" if blocking else "Session"):
        wanted = "a plain function is given a Session" if blocking else "an async function is given an AsyncSession"
        raise DefinitionError(f"The parameter {parameter.name!r} is annotated as {annotated}; {wanted}.")


def _check_scope(depends: Depends, needs: Sequence[Need], contexts: Sequence[str]) -> None:
    if depends.scope != "worker":
        return
    shorter = next((name_of(need.provider) for need in needs if need.scope == "job"), None)
    if shorter is None and contexts:
        shorter = "the context"
    if shorter is not None:
        raise DefinitionError(
            f'The dependency {name_of(depends.provider)} has scope="worker" and needs {shorter}, which ends with each '
            'job; give that scope="worker" too, or let this one have scope="job".'
        )


def _parameters(function: Callable[..., object]) -> list[tuple[inspect.Parameter, Depends | None]]:
    """Return a function's parameters with their resolved annotations, and what they depend on."""
    target = function.__init__ if inspect.isclass(function) else function
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # written in C: it says nothing of itself
        return []
    known = resolved_annotations(target)
    for name, parameter in signature.parameters.items():
        if name not in known and "Depends" in str(parameter.annotation):
            raise DefinitionError(
                f"The annotation {parameter.annotation!r} of parameter {name!r} of {name_of(function)} can't be "
                "resolved: its names must exist in the module when the program runs, not only within a function or "
                "under TYPE_CHECKING."
            )
    return [
        (parameter.replace(annotation=known.get(name, parameter.annotation)), _depends(known.get(name)))
        for name, parameter in signature.parameters.items()
    ]


def _depends(annotation: object) -> Depends | None:
    if get_origin(annotation) is not Annotated:
        return None
    found = [each for each in cast("tuple[object, ...]", get_args(annotation))[1:] if isinstance(each, Depends)]
    return found[-1] if found else None


def name_of(provider: object) -> str:
    """Return how a provider is named in messages.

    >>> name_of(print)
    'print'
    """
    return str(getattr(provider, "__qualname__", None) or repr(provider))


def is_asynchronous(handler: Callable[..., object]) -> bool:
    """Return whether a handler is an `async def`, or a partial, an object or a wrapper around one.

    >>> async def handle() -> None: ...
    >>> is_asynchronous(handle), is_asynchronous(functools.partial(handle)), is_asynchronous(print)
    (True, True, False)
    """
    while isinstance(handler, functools.partial):
        handler = handler.func
    function: object = inspect.unwrap(handler)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(handler).__call__)
