"""Checks of names: jobs without a handler, and queues under another prefix."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from midday_worker.admin.finding import Finding


def judge_names(
    queue: str,
    names: Mapping[str, int],
    handled: Mapping[str, Collection[str]],
    declared: Mapping[str, Collection[str]],
) -> list[Finding]:
    """Return the names of a queue's jobs that nobody handles.

    Args:
        queue: the queue's name.
        names: those of its jobs and schedules, with how many jobs have it.
        handled: the jobs that are defined here with a handler, by queue.
        declared: those that are declared here, to be run elsewhere, by queue.
    """
    here = {name for of_queue in (*handled.values(), *declared.values()) for name in of_queue}
    if queue not in handled:
        # Another program's, perhaps in another language.
        others = sorted(set(names) - set(declared.get(queue, ())))
        if not others:
            return []
        text = f"no job that is run here lives on it; it holds {', '.join(others)}"
        return [Finding(check="handlers", grade="note", text=text, queue=queue)]
    missing = [name for name in sorted(names) if name not in here]
    return [
        Finding(
            check="handlers",
            grade="fail",
            text=f"it holds {names[name]:,} of {name!r}, which is not defined here{_near(name, here)}",
            fix="import the package that defines it, or run a worker that knows it",
            queue=queue,
        )
        for name in missing
    ]


def judge_prefixes(
    prefix: str, found: Mapping[str, Sequence[str]], defined: Collection[str], own: Mapping[str, str]
) -> Finding:
    """Return the findings about queues that Redis holds under other prefixes than ours.

    Args:
        prefix: ours.
        found: the queues by prefix.
        defined: the queues of the jobs that are defined here.
        own: the prefixes of those queues that have one of their own.
    """
    places = {name: own.get(name, prefix) for name in (*defined, *own)}
    for other, queues in sorted(found.items()):
        astray = sorted(name for name in queues if places.get(name, other) != other)
        if elsewhere := [name for name in astray if name not in found.get(places[name], ())]:
            at = places[elsewhere[0]]
            text = f"queue {', '.join(elsewhere)} is under prefix {other!r}, and jobs are looked for under {at!r}"
            fix = f"set {'REDIS_PREFIX' if at == prefix else 'its prefix='}, and Node's option `prefix`, to the same"
            return Finding(check="prefix", grade="fail", text=text, fix=fix)
    ours = found.get(prefix, ())
    if left := sorted(name for name in ours if places.get(name, prefix) != prefix):
        text = f"queue {', '.join(left)} has its own prefix, but {prefix!r} holds jobs of it too: nobody here runs them"
        fix = "give whoever adds jobs there the same prefix, and move what is left"
        return Finding(check="prefix", grade="warn", text=text, fix=fix)
    others = {name: queues for name, queues in found.items() if name not in (prefix, *own.values())}
    listed = ", ".join(f"{name!r} ({len(queues)})" for name, queues in sorted(others.items()))
    if others and not ours and not own:
        text = f"nothing is under prefix {prefix!r}, but there are queues under {listed}"
        fix = "set REDIS_PREFIX, and Node's option `prefix`, to the same"
        return Finding(check="prefix", grade="warn", text=text, fix=fix)
    also = f"; others, with their queues: {listed}" if others else ""
    held = f"{prefix!r} holds {len(ours)} queue{'s' * (len(ours) != 1)}"
    beside = "".join(f", {name!r} {len(found.get(name, ()))}" for name in sorted({*own.values()} - {prefix}))
    return Finding(check="prefix", grade="ok", text=f"{held}{beside}{also}")


def _near(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" ({near[0]!r} is)" if near else ""
