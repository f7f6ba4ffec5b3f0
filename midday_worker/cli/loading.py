"""Settings and jobs, as the command line and the environment name them, and the options that do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from midday_worker.cli.values import separated
from midday_worker.definition.registry import JobRegistry, default_registry
from midday_worker.errors import ImportFailedError
from midday_worker.settings.settings import ENV_FILE, Settings, load_settings

Imports = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        "-i",
        metavar="PKG",
        callback=separated,
        help="A module or package that defines jobs. Repeatable, or with commas between.",
    ),
]
NoLogin = Annotated[
    bool, typer.Option("--no-login", help="Let the dashboard ask for nothing; it answers to this machine alone.")
]


def settings_with(**options: object) -> Settings:
    """Return the settings, with those options that were given on the command line over the environment."""
    given = {name: value for name, value in options.items() if value is not None}
    settings = load_settings(env_file=ENV_FILE, **given)
    if settings.redis_credentials is not None:
        _import_from_here()
    return settings


def load_jobs(imports: Sequence[str], settings: Settings) -> JobRegistry:
    """Import what `--import` names, else what WORKER_IMPORTS does, and return the registry.

    Raises:
        ImportFailedError: one of them can't be imported.
    """
    _import_from_here()
    origin = "--import " if imports else "WORKER_IMPORTS="
    for module in imports or settings.worker_imports:
        try:
            default_registry.load(module)
        except ImportFailedError as error:
            raise ImportFailedError(error.module, error.reason, f"{origin}{module}") from error
    return default_registry


def _import_from_here() -> None:
    """Find a project's own package without an installation, as `python -m` does."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
