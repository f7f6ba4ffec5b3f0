"""The build takes the dashboard's page files along, and fails without them: they are not in the repository."""

from __future__ import annotations

from pathlib import Path

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DashboardAssets(BuildHookInterface[BuilderConfig]):
    """Looks for the files before anything is built. An editable installation needs none."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        """Raise RuntimeError if the files are missing."""
        if version == "editable":
            return
        assets = Path(self.root) / "midday_worker" / "dashboard" / "assets"
        missing = [name for name in ("index.ejs", "package.json", "static") if not (assets / name).exists()]
        if missing:
            raise RuntimeError(
                f"The dashboard's page files are missing from {assets} ({', '.join(missing)}). "
                "Bring them with: bash scripts/fetch-dashboard"
            )
