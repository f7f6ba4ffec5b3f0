"""Loading packages, so that the jobs of all their modules register."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from midday_worker import ImportFailedError, JobRegistry, default_registry


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable package `shop` of jobs, whose modules are forgotten afterwards."""
    root = tmp_path / "shop"
    (root / "orders").mkdir(parents=True)
    (root / "__init__.py").write_text("")
    (root / "__main__.py").write_text("raise SystemExit('never imported')")
    (root / "orders" / "__init__.py").write_text("")
    (root / "orders" / "pay.py").write_text(
        "from midday_worker import JobContext, job\n"
        "@job('shop-pay')\n"
        "async def pay(data: int, ctx: JobContext) -> None: ...\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    yield root
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]
    vars(default_registry)["_jobs"].pop("shop-pay", None)


def test_loading_a_package_registers_the_jobs_of_all_its_modules(package: Path) -> None:
    default_registry.load("shop")

    assert "shop-pay" in default_registry


def test_loading_a_module_imports_just_it(package: Path) -> None:
    (package / "broken.py").write_text("1 / 0")

    default_registry.load("shop.orders.pay")

    assert "shop-pay" in default_registry


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", r"ZeroDivisionError: division by zero \(.*broken\.py:1\)"),
        ("def f():\n    raise ValueError('bad')\nf()", r"ValueError: bad \(.*broken\.py:2\)"),
        ("import no_such_package", r"it imports 'no_such_package', which isn't installed \(.*broken\.py:1\)"),
        ("from shop import nothing", "ImportError: cannot import name 'nothing'"),
        ("\ndef (", r"SyntaxError: invalid syntax \(.*broken\.py:2\)"),
        ("\ncompile('(', '<text>', 'exec')", r"SyntaxError: .* \(.*broken\.py:2\)"),
        ("import json\njson.loads('{')", r"JSONDecodeError: .* \(.*broken\.py:2\)"),
        ("from midday_worker import RateLimit\nRateLimit(0, '1s')", r"OptionError: RateLimit\.max .*broken\.py:2\)"),
        ("import sys\nsys.exit(3)", r"SystemExit: 3 \(.*broken\.py:2\)"),
    ],
)
def test_a_broken_module_is_named_with_its_reason(package: Path, source: str, reason: str) -> None:
    (package / "orders" / "broken.py").write_text(source)

    with pytest.raises(ImportFailedError, match=reason) as failure:
        default_registry.load("shop")

    assert failure.value.module == "shop.orders.broken"


def test_a_job_that_is_defined_wrongly_is_named_with_its_place_once(package: Path) -> None:
    broken = package / "broken.py"
    broken.write_text("from midday_worker import job\n\n@job('bad', retries=3)\nasync def bad(data: int, ctx): ...\n")

    with pytest.raises(ImportFailedError, match=r"OptionError: Job 'bad' at .*Unknown option 'retries'") as failure:
        default_registry.load("shop")

    assert str(failure.value).count(f"{broken}:3") == 1
    assert "check.py" not in str(failure.value)


def test_a_mistake_in_a_module_that_is_imported_by_another_is_placed_where_it_stands(package: Path) -> None:
    (package / "broken.py").write_text("from shop import prices\n")
    (package / "prices.py").write_text("\n\nfee = = 3\n")

    with pytest.raises(ImportFailedError, match=r"SyntaxError: invalid syntax \(.*prices\.py:3\)"):
        default_registry.load("shop.broken")


def test_jobs_that_are_installed_beside_the_libraries_are_placed_too(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = package.parent / "site-packages"
    installed.mkdir()
    package.rename(installed / "shop")
    (installed / "library.py").write_text("def fail():\n    raise ValueError('bad')\n")
    (installed / "shop" / "broken.py").write_text("import library\n\nlibrary.fail()\n")
    monkeypatch.setattr(sys, "path", [str(installed), *sys.path])

    with pytest.raises(ImportFailedError, match=r"ValueError: bad \(.*broken\.py:3\)"):
        default_registry.load("shop.broken")


def test_a_broken_package_within_is_named_too(package: Path) -> None:
    (package / "orders" / "__init__.py").write_text("1 / 0")

    with pytest.raises(ImportFailedError, match="ZeroDivisionError"):
        default_registry.load("shop")


@pytest.mark.parametrize("module", ["no_such_package", "shop.no_such_module", "no_such_package.jobs"])
def test_a_module_that_does_not_exist_is_named(package: Path, module: str) -> None:
    with pytest.raises(ImportFailedError, match="no such module; is it installed"):
        default_registry.load(module)


def test_an_error_that_can_not_be_written_is_told_by_its_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unspeakable.py").write_text(
        "class Unspeakable(Exception):\n    def __str__(self):\n        raise RuntimeError\n\n\nraise Unspeakable\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(ImportFailedError, match=r"Unspeakable \(.*unspeakable\.py:6\)"):
        JobRegistry().load("unspeakable")
