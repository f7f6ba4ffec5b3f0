"""What the pages for whoever works on this name exists: files, and what is in them."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "architecture.md",
    ROOT / "docs" / "glossary.md",
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]
BASES: Final = (ROOT, ROOT / "midday_worker", ROOT / "tests")
"""What a path may be below."""

CODE: Final = re.compile(r"`([^`\n]+)`")
FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
PATH: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|md|toml|svg|sh|txt|yaml))")


def found(path: str) -> Path | None:
    return next((base / path for base in BASES if (base / path).exists()), None)


def defined(path: Path) -> set[str]:
    """The names that a module defines, those in its classes with the class before."""

    def names(nodes: list[ast.stmt], before: str = "") -> Iterator[str]:
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                yield before + node.name
                yield from names(node.body, f"{before}{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield before + node.name
            elif isinstance(node, ast.AnnAssign | ast.Assign):
                targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
                yield from (before + target.id for target in targets if isinstance(target, ast.Name))

    return set(names(ast.parse(path.read_text("utf-8")).body))


def wrong_names(text: str) -> list[str]:
    """Return what stands in backticks that is a path or a path and a name, and isn't there."""
    wrong: list[str] = []
    for code in CODE.findall(FENCED.sub("", text)):
        path, _, name = str(code).partition("::")
        if not PATH.fullmatch(path):
            continue
        file = found(path)
        if file is None or (name and name not in defined(file)):
            wrong.append(code)
    return wrong


def test_what_is_not_there_is_found() -> None:
    text = "`client/client.py::JobClient.enqueue` `client/client.py::JobClient.sing` `scripts/check` `nothing/here.py`"

    assert wrong_names(text) == ["client/client.py::JobClient.sing", "nothing/here.py"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_name_of_a_page_exists(page: Path) -> None:
    assert wrong_names(page.read_text("utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if not (page.parent / link).exists()]

    assert links == []


def test_the_three_ways_name_where_they_go() -> None:
    """A page without names would pass the checks above."""
    assert len(re.findall(r"`[\w/]+\.py::", (ROOT / "docs" / "architecture.md").read_text("utf-8"))) > 50


EVERY_PAGE: Final = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOTTED: Final = re.compile(r"(?<![\w./-])midday_worker(?:\.\w+)+")


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_in_the_package_is_there(page: Path) -> None:
    named = set(DOTTED.findall(page.read_text("utf-8")))
    assert [name for name in sorted(named) if not _resolves(name)] == []


def _resolves(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True
