"""`import_jobs`: what `--import` and WORKER_IMPORTS import of a package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from loguru import logger

from midday_worker.definition.import_fault import describe_fault, placed
from midday_worker.errors import ImportFailedError


def import_jobs(module: str) -> None:
    """Import a module, and if it is a package all that `JobRegistry.load` says. Raises ImportFailedError."""
    contents = [_Contents.of(module, _import(module))]
    while contents:
        here = contents.pop()
        for left_out in here.left_out:
            logger.info("{} is left out of the import of {}.", left_out, module)
        contents += [_Contents.of(name, _import(name)) for name in here.modules]
        contents += here.folders


def _import(module: str) -> object:
    if not all(part.isidentifier() for part in module.split(".")):
        raise ImportFailedError(module, "accepted: a module's name, for example my_service.jobs")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        hint = (
            "no such module; is it installed, or below the current directory?"
            if module == missing or module.startswith(f"{missing}.")
            else placed(f"it imports {missing!r}, which isn't installed", error, module)
        )
        raise ImportFailedError(module, hint) from error
    except (Exception, SystemExit) as error:  # a user's module may raise anything, and a script may exit
        raise ImportFailedError(module, describe_fault(error, module)) from error


@dataclass(frozen=True, slots=True)
class _Contents:
    """What lies directly in a package, or in a folder that is imported like one.

    Attributes:
        modules: the full names of its modules, regular packages among them.
        folders: the contents of each folder without `__init__.py`.
        left_out: the modules and folders with Python files that aren't imported.
    """

    modules: Sequence[str]
    folders: Sequence[_Contents]
    left_out: Sequence[str]

    @classmethod
    def of(cls, name: str, module: object) -> Self:
        """Return the contents of a module that was imported; nothing, if it is no package."""
        return cls._in(name, list(getattr(module, "__path__", ())))

    @classmethod
    def _in(cls, name: str, paths: list[str]) -> Self:
        found = [item.name for item in pkgutil.iter_modules(paths, f"{name}.")]
        plain = [folder for path in map(Path, paths) for folder in _plain_folders(path)]
        taken = [folder for folder in plain if folder.name.isidentifier() and folder.name != "tests"]
        modules = [item for item in found if item.rpartition(".")[2].isidentifier()]
        return cls(
            [item for item in modules if not item.endswith(".__main__")],
            [cls._in(f"{name}.{folder.name}", [str(folder)]) for folder in taken],
            [
                *(item for item in found if item not in modules),
                *(str(folder) for folder in plain if folder not in taken),
            ],
        )


def _plain_folders(path: Path) -> list[Path]:
    """Return the folders with Python files in them, but no `__init__.py`. Links are none: they may go round."""
    folders = sorted(path.iterdir()) if path.is_dir() else []  # a package may be in an archive
    return [
        folder
        for folder in folders
        if folder.is_dir() and not folder.is_symlink() and not (folder / "__init__.py").exists() and _has_source(folder)
    ]


def _has_source(folder: Path) -> bool:
    return folder.name != "__pycache__" and next(folder.rglob("*.py"), None) is not None
