"""Loading packages, so that the jobs of all their modules register."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from midday_worker import JobRegistry, default_registry
from midday_worker.errors import DuplicateJobError, DuplicateQueueError, ImportFailedError
from midday_worker.queues import default_queues


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


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged."""
    found: list[str] = []
    sink = logger.add(lambda message: found.append(message.record["message"]), level="INFO")
    yield found
    logger.remove(sink)


def test_folders_without_an_init_file_are_loaded_and_what_is_left_out_is_said(package: Path, lines: list[str]) -> None:
    (package / "orders" / "pay.py").rename(package / "pay.py.txt")
    for folder in ("mail/late", "tests", ".cache", "my-jobs", "mail/tests", "static", "__pycache__"):
        (package / folder).mkdir(parents=True)
    for path in ("tests/a.py", ".cache/a.py", "my-jobs/a.py", "mail/tests/a.py", "mail/2024-report.py"):
        (package / path).write_text("raise SystemExit('never imported')")
    (package / "static" / "page.html").write_text("")
    (package / "mail" / "late" / "pay.py").write_text((package / "pay.py.txt").read_text())
    (package / "mail" / "round").symlink_to(package / "mail")

    default_registry.load("shop")

    assert default_registry.get("shop-pay").defined_at.startswith(str(package / "mail" / "late" / "pay.py"))
    left_out = [
        *(str(package / name) for name in (".cache", "my-jobs", "tests", "mail/tests")),
        "shop.mail.2024-report",
    ]
    assert sorted(lines) == sorted(f"{name} is left out of the import of shop." for name in left_out)


def test_a_package_without_an_init_file_is_loaded(package: Path) -> None:
    (package / "__init__.py").unlink()
    (package / "orders" / "__init__.py").unlink()

    default_registry.load("shop")

    assert "shop-pay" in default_registry


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("job('shop-pay', None, result=int)", DuplicateJobError),
        ("define('shop-pay')", DuplicateJobError),
        ("queue('shop')", DuplicateQueueError),
    ],
)
def test_one_module_under_two_names_is_told_as_one(
    package: Path, monkeypatch: pytest.MonkeyPatch, source: str, error: type[Exception]
) -> None:
    """As when both the project's folder and its `src` are searched."""
    (package / "helper.py").write_text("from midday_worker import job\ndef define(name): job(name, None, result=int)\n")
    (package / "orders" / "twice.py").write_text(
        f"from midday_worker import job, queue\nfrom shop.helper import define\n{source}\n"
    )
    monkeypatch.setattr(sys, "path", [str(package), *sys.path])
    importlib.invalidate_caches()
    importlib.import_module("shop.orders.twice")
    try:
        with pytest.raises(error, match=r"one module under two names, 'shop\.orders\.twice' and 'orders\.twice'"):
            importlib.import_module("orders.twice")
    finally:
        sys.modules.pop("orders", None)
        vars(default_queues)["_queues"].pop("shop", None)


@pytest.mark.process
def test_a_module_that_is_run_and_imported_is_told_as_one(package: Path) -> None:
    (package / "program.py").write_text("from midday_worker import queue\nqueue('shop')\nimport shop.program\n")
    done = subprocess.run(
        [sys.executable, "-m", "shop.program"],
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (
        "one module under two names, '__main__' and 'shop.program': Python runs it once for each. Move" in done.stderr
    )


def test_two_jobs_of_a_helper_are_two_jobs(package: Path) -> None:
    (package / "twice.py").write_text(
        "from midday_worker import job\n"
        "def define(name): job(name, None, result=int)\n"
        "define('shop-pay')\n"
        "define('shop-pay')\n"
    )
    with pytest.raises(ImportFailedError, match="Give one of them another id"):
        default_registry.load("shop.twice")


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
