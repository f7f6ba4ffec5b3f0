"""The public face of the package: its names, all of them, and no others."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import midday_worker
from midday_worker import testing

HOMES: dict[str, str] = vars(midday_worker)["_HOMES"]


def test_the_names_are_sorted() -> None:
    assert list(midday_worker.__all__) == sorted(midday_worker.__all__)
    assert list(testing.__all__) == sorted(testing.__all__)


def test_every_name_has_one_home() -> None:
    listed = [name for names in HOMES.values() for name in names.split()]

    assert sorted(listed) == list(midday_worker.__all__)


@pytest.mark.parametrize(("module", "names"), HOMES.items())
def test_every_name_is_that_of_its_home(module: str, names: str) -> None:
    home = import_module(module)

    for name in names.split():
        assert getattr(midday_worker, name) is getattr(home, name)


def test_what_users_test_with_is_loaded_on_first_use() -> None:
    assert all(getattr(testing, name).__name__ == name for name in testing.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'midday_worker' has no attribute 'nothing'"):
        getattr(midday_worker, "nothing")  # noqa: B009 - a checker knows that it isn't there
    with pytest.raises(AttributeError, match=r"module 'midday_worker\.testing' has no attribute 'nothing'"):
        getattr(testing, "nothing")  # noqa: B009 - a checker knows that it isn't there


def test_the_names_are_listed_before_they_are_loaded() -> None:
    assert set(midday_worker.__all__) <= set(dir(midday_worker))
    assert set(testing.__all__) <= set(dir(testing))


@pytest.mark.process
def test_importing_the_package_loads_neither_redis_nor_sqlalchemy() -> None:
    check = "import sys, midday_worker; print({'redis', 'bullmq', 'sqlalchemy', 'pydantic'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=300)

    assert done.stdout.strip() == "set()"
