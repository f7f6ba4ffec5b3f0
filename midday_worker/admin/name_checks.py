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


def judge_prefixes(prefix: str, found: Mapping[str, Sequence[str]], defined: Collection[str]) -> Finding:
    """Return the findings about queues that Redis holds under other prefixes than ours.

    Args:
        prefix: ours.
        found: the queues by prefix.
        defined: the queues of the jobs that are defined here.
    """
    ours = set(found.get(prefix, ()))
    others = {name: queues for name, queues in found.items() if name != prefix}
    fix = "set REDIS_PREFIX, and Node's option `prefix`, to the same"
    for other, queues in sorted(others.items()):
        if elsewhere := sorted((set(defined) & set(queues)) - ours):
            text = f"queue {', '.join(elsewhere)} is under prefix {other!r}, and jobs are looked for under {prefix!r}"
            return Finding(check="prefix", grade="fail", text=text, fix=fix)
    listed = ", ".join(f"{name!r} ({len(queues)})" for name, queues in sorted(others.items()))
    if others and not ours:
        text = f"nothing is under prefix {prefix!r}, but there are queues under {listed}"
        return Finding(check="prefix", grade="warn", text=text, fix=fix)
    also = f"; others, with their queues: {listed}" if others else ""
    return Finding(check="prefix", grade="ok", text=f"{prefix!r} holds {len(ours)} queue{'s' * (len(ours) != 1)}{also}")


def _near(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" ({near[0]!r} is)" if near else ""
