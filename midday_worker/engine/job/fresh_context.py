"""`FreshContext`: the context variables that each attempt begins with, whatever the ones before have set."""

from __future__ import annotations

import contextvars
import decimal


class FreshContext:
    """Makes contexts that are each a copy of the one in which this was made."""

    __slots__ = ("_decimal", "_own")

    def __init__(self) -> None:
        self._own = contextvars.copy_context()
        # The standard library's one variable whose value is changed in place: its copies would share it.
        values = self._own.values()
        self._decimal = next((value for value in values if isinstance(value, decimal.Context)), None)

    def make(self) -> contextvars.Context:
        """Return a new one."""
        context = self._own.copy()
        if self._decimal is not None:
            context.run(decimal.setcontext, self._decimal.copy())
        return context
