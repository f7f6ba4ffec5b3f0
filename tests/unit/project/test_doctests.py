"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import midday_worker
from midday_worker import default_registry
from midday_worker.queues import default_queues

FINDER = doctest.DocTestFinder(exclude_empty=True)


def modules() -> list[str]:
    found = pkgutil.walk_packages(midday_worker.__path__, "midday_worker.")
    return sorted(module.name for module in found if not module.name.endswith("__main__"))


def examples(module: str) -> list[doctest.DocTest]:
    # What users import stands at hand in every example.
    public = {name: getattr(midday_worker, name) for name in midday_worker.__all__}
    return [test for test in FINDER.find(import_module(module), extraglobs=public) if test.examples]


@pytest.fixture(autouse=True)
def registries_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What examples define stays out of the default registries."""
    monkeypatch.setitem(vars(default_registry), "_jobs", {})
    monkeypatch.setitem(vars(default_queues), "_queues", {})


@pytest.mark.parametrize("module", [name for name in modules() if examples(name)])
def test_the_examples_of_a_module_run(module: str) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    written: list[str] = []

    for test in examples(module):
        runner.run(test, out=written.append)

    assert runner.failures == 0, "".join(written)


@pytest.mark.parametrize(
    "entry", ["job", "queue", "Payload", "RateLimit", "JobClient", "to_milliseconds", "JobContext.children_results"]
)
def test_an_entry_point_has_an_example(entry: str) -> None:
    target: object = midday_worker
    for name in entry.split("."):
        target = getattr(target, name)

    assert ">>> " in (target.__doc__ or "")
