"""Checking one layer of options."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields

from midday_worker.errors import OptionError
from midday_worker.options.parsers import PARSERS
from midday_worker.options.resolved import CheckedOptions, ResolvedOptions


def check_options(options: Mapping[str, object], *, call: bool = False) -> CheckedOptions:
    """Check one layer of options and bring its values to their final form.

    Args:
        options: a `JobOptions`, or with `call` a `CallOptions`.
        call: whether `job_id` is allowed.

    Raises:
        OptionError: an option is unknown, of the wrong type, or out of range; the message says which are known.
    """
    checked: dict[str, object] = {}
    for name, value in options.items():
        parse = PARSERS.get(name)
        if parse is None or (name == "job_id" and not call):
            raise _unknown(name, call=call)
        checked[name] = parse(name, value)
    return checked


def _unknown(name: str, *, call: bool) -> OptionError:
    known = [field.name for field in fields(ResolvedOptions) if call or field.name != "job_id"]
    near = difflib.get_close_matches(name, known, n=1)
    if name == "job_id":
        hint = " job_id belongs to a single call, not to a job or a queue."
    else:
        hint = f" Did you mean {near[0]!r}?" if near else ""
    return OptionError(name, f"Unknown option {name!r}.{hint} Known options: {', '.join(known)}.")
