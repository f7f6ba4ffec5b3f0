"""The words of the glossary: public names use them, and no name uses a word that was made up here."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import midday_worker

ROOT: Final = Path(__file__).parents[3]
ROW: Final = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*)\|$")

NO_TERMS: Final = {"configuration", "error", "function", "input", "item", "midday", "milliseconds", "redis"}
"""Nouns in public names that mean what they mean everywhere."""

NO_NOUNS: Final = {
    *{
        "as",
        "close",
        "default",
        "depends",
        "enqueue",
        "every",
        "executable",
        "found",
        "invalid",
        "next",
        "non",
        "not",
        "per",
        "refused",
        "replicated",
        "resolved",
        "retryable",
        "to",
    },
    *{"after", "cancelled", "completed", "failed", "scheduled", "unavailable"},
}
"""Verbs and adjectives in them."""

MADE_UP: Final = re.compile(
    r"patience|turns?|lanes?|looks?|part|manners?|brakes?|doors?|under|bury|buried|outlasts?|dress|rollcall|told"
)


def rows() -> list[tuple[str, str, str]]:
    lines = (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
    found = [match.groups() for line in lines if (match := ROW.match(line)) is not None]
    return [(word.strip(), meaning.strip(), others.strip()) for word, meaning, others in found if word[0].isalpha()][1:]


TERMS: Final = {word: meaning for word, meaning, _ in rows()}
OTHERS: Final = {other for _, _, others in rows() for other in others.split(", ") if other}


def words(name: str) -> list[str]:
    """The words of a name, in either spelling: `JobResultTimeoutError`, `job_id`."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def is_term(word: str) -> bool:
    known = {part for term in TERMS for part in term.split()}
    forms = {word, word.removesuffix("s"), word.removesuffix("ren")}  # clients, children
    return bool(forms & known)


def public_members() -> Iterator[str]:
    """Names of methods and attributes of the public classes; BullMQ's own job has BullMQ's names."""
    for name in midday_worker.__all__:
        value = getattr(midday_worker, name)
        if not inspect.isclass(value) or name == "Job":
            continue
        for parent in value.__mro__:
            if parent.__module__.startswith("midday_worker"):
                yield from (member for member in vars(parent) if not member.startswith("_"))


def made_up_names(path: Path) -> set[str]:
    names = [path.stem]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.append(node.name)
    return {name for name in names if any(MADE_UP.fullmatch(word) for word in [*words(name), name.replace("_", "")])}


def test_the_words_are_sorted_and_have_one_meaning_each() -> None:
    terms = [word for word, _, _ in rows()]

    assert len(terms) > 50
    assert terms == sorted(set(terms))
    assert all(meaning.endswith(".") for meaning in TERMS.values())


def test_a_word_that_is_not_used_is_no_word_of_the_glossary() -> None:
    assert OTHERS & TERMS.keys() == set()


def test_every_noun_of_a_public_name_is_a_word_of_the_glossary() -> None:
    used = {word: name for name in midday_worker.__all__ for word in words(name)}
    known = NO_TERMS | NO_NOUNS

    assert {word: name for word, name in used.items() if word not in known and not is_term(word)} == {}
    assert [word for word in sorted(NO_TERMS) if is_term(word)] == []


def test_no_public_name_uses_another_word_for_the_same() -> None:
    names = [*midday_worker.__all__, *public_members()]

    assert len(names) > 200
    assert {name for name in names if OTHERS & set(words(name))} == set()


def test_what_is_made_up_is_found(tmp_path: Path) -> None:
    path = tmp_path / "new_lane.py"
    path.write_text("class Lane: ...\nclass Partial: ...\ndef roll_call(): ...\nasync def was_told(): ...\n", "utf-8")

    assert made_up_names(path) == {"new_lane", "Lane", "roll_call", "was_told"}


def test_no_module_class_or_function_has_a_word_that_was_made_up_here() -> None:
    package = ROOT / "midday_worker"
    paths = {path.relative_to(package).as_posix(): path for path in sorted(package.rglob("*.py"))}
    found = {name: made_up_names(path) for name, path in paths.items()}

    assert {name: names for name, names in found.items() if names} == {}
