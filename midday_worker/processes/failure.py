"""An exception on its way from a child to the worker: the same class again, wherever that can be."""

from __future__ import annotations

import base64
import pickle
import traceback
from typing import TypeAlias, TypedDict, cast

from midday_worker.errors import NonRetryableError
from midday_worker.errors.handler_traceback import IN_ITS_PROCESS, handler_traceback

_Reduced: TypeAlias = tuple[object, tuple[object, ...]] | tuple[object, tuple[object, ...], dict[str, object]]


class RaisedError(TypedDict):
    """A raised exception."""

    pickled: str | None
    name: str
    text: str
    final: bool
    trace: str


def failure_of(error: BaseException) -> RaisedError:
    """Return an exception as it travels; never raises."""
    text = _text(error)
    try:
        trace = "".join(traceback.format_exception(type(error), error, handler_traceback(error)))
    except Exception:  # a user's __str__ may do anything
        trace = text
    return RaisedError(
        pickled=_pickled(error, text),
        name=type(error).__name__,
        text=text,
        final=isinstance(error, NonRetryableError),
        trace=trace,
    )


def error_of(failure: RaisedError) -> BaseException:
    """Return the exception, with the child's traceback as a note. One that can't travel becomes a plain one."""
    error: BaseException = _plain(failure)
    if failure["pickled"] is not None:
        try:
            error = _loaded(base64.b64decode(failure["pickled"]))
        except Exception as broken:  # its class isn't here, or can't be made
            error.add_note(f"(a {failure['name']} in its process; here it raised {type(broken).__name__})")
    error.add_note(f"{IN_ITS_PROCESS}{failure['trace']}")
    return error


def _plain(failure: RaisedError) -> Exception:
    text = f"{failure['name']}: {failure['text']}"
    return NonRetryableError(text) if failure["final"] else RuntimeError(text)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:
        return f"its message raised {type(broken).__name__}"


def _pickled(error: BaseException, text: str) -> str | None:
    # By the exception's own way where that leads back to it. Mostly it calls the class with its message, which few
    # classes of ours or of users take; these are made without a call.
    _, args, *state = cast("_Reduced", _base(type(error)).__reduce__(error))
    # Before Python 3.12 pickle leaves these names out.
    named = {"name": error.name} if isinstance(error, AttributeError | NameError) else {}
    whole = {**named, **vars(error), **(state[0] if state else {})}
    # Retry rules go by the class, so it travels with what is left.
    left = {name: value for name, value in whole.items() if _can_travel(value)}
    bare = (type(error), args, whole), (type(error), args, left)
    for form in (*bare, error) if named else (error, *bare):
        if (data := _tried(form, type(error), (text,))) is not None:
            return data
    return _tried((type(error), (text,), left), type(error), (text, repr(text)))  # a KeyError quotes its argument


def _tried(form: object, kind: type[BaseException], texts: tuple[str, ...]) -> str | None:
    try:
        data = pickle.dumps(form)
        back = _loaded(data)
    except Exception:  # an argument, an attribute, or the class, can't be pickled
        return None
    return base64.b64encode(data).decode() if type(back) is kind and _text(back) in texts else None


def _can_travel(value: object) -> bool:
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301 - made a moment ago
    except Exception:  # a lock, a connection, an exception that takes more than its message
        return False
    return True


def _loaded(data: bytes) -> BaseException:
    stored: object = pickle.loads(data)  # noqa: S301 - of a child of this process, by a socket that nobody else has
    if isinstance(stored, BaseException):
        return stored
    kind, args, state = cast("tuple[type[BaseException], tuple[object, ...], dict[str, object]]", stored)
    error = kind.__new__(kind, *args)
    _base(kind).__init__(error, *args)  # what it keeps beside its arguments: errno, the bytes that can't be decoded
    error.__setstate__(state)
    return error


def _base(kind: type[BaseException]) -> type[BaseException]:
    """Return the class of the language that an exception is of."""
    return next(base for base in kind.__mro__ if base.__module__ == "builtins" and issubclass(base, BaseException))
