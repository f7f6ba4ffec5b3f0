"""An exception on its way from a child to the worker: the same class again, wherever that can be."""

from __future__ import annotations

import base64
import pickle
import traceback
from typing import TypedDict, cast

from midday_worker.errors import NonRetryableError
from midday_worker.handler_traceback import IN_ITS_PROCESS, handler_traceback


class Failure(TypedDict):
    """A raised exception."""

    pickled: str | None
    name: str
    text: str
    final: bool
    trace: str


def failure_of(error: BaseException) -> Failure:
    """Return an exception as it travels; never raises."""
    try:
        text = str(error)
        trace = "".join(traceback.format_exception(type(error), error, handler_traceback(error)))
    except Exception as broken:  # a user's __str__ may do anything
        text = trace = f"its message raised {type(broken).__name__}"
    return Failure(
        pickled=_pickled(error, text),
        name=type(error).__name__,
        text=text,
        final=isinstance(error, NonRetryableError),
        trace=trace,
    )


def error_of(failure: Failure) -> BaseException:
    """Return the exception, with the child's traceback as a note. One that can't travel becomes a plain one."""
    error: BaseException = _plain(failure)
    if failure["pickled"] is not None:
        try:
            error = _rebuilt(base64.b64decode(failure["pickled"]))
        except Exception as broken:  # its class isn't here, or can't be made
            error.add_note(f"(a {failure['name']} in its process; here it raised {type(broken).__name__})")
    error.add_note(f"{IN_ITS_PROCESS}{failure['trace']}")
    return error


def _plain(failure: Failure) -> Exception:
    text = f"{failure['name']}: {failure['text']}"
    return NonRetryableError(text) if failure["final"] else RuntimeError(text)


def _pickled(error: BaseException, text: str) -> str | None:
    # Not by the exception's own way: that calls its class with its message, which few classes of ours or of users take.
    whole = _tried(error, error.args, vars(error), text)
    if whole is not None:
        return whole
    # Retry rules go by the class, so it travels with what is left.
    state = {name: value for name, value in vars(error).items() if _can_travel(value)}
    kept = _tried(error, error.args, state, text)
    return kept or _tried(error, (text,), state, text) or _tried(error, (text,), state, repr(text))


def _tried(error: BaseException, args: tuple[object, ...], state: dict[str, object], text: str) -> str | None:
    try:
        data = pickle.dumps((type(error), args, state))
        same = str(_rebuilt(data)) == text
    except Exception:  # an argument, an attribute, or the class, can't be pickled
        return None
    return base64.b64encode(data).decode() if same else None


def _can_travel(value: object) -> bool:
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301 - made a moment ago
    except Exception:  # a lock, a connection, an exception that takes more than its message
        return False
    return True


def _rebuilt(data: bytes) -> BaseException:
    stored: object = pickle.loads(data)  # noqa: S301 - of a child of this process, by a socket that nobody else has
    kind, args, state = cast("tuple[type[BaseException], tuple[object, ...], dict[str, object]]", stored)
    error = kind.__new__(kind, *args)
    error.args = args
    vars(error).update(state)
    return error
