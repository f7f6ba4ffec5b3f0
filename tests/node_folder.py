"""A folder whose files Node and TypeScript's compiler find packages from."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import cast

from midday_worker.demo.node import NodeRuntime

_OPTIONS: dict[str, object] = {
    **{"strict": True, "target": "es2022", "module": "nodenext", "skipLibCheck": True, "types": ()},
    **{"exactOptionalPropertyTypes": True, "noUncheckedIndexedAccess": True, "noUnusedLocals": True},
}
_TIMEOUT_S = 300


class NodeFolder:
    """A folder of a test's own, with the packages of a runtime.

    Args:
        path: the folder.
        runtime: what is installed.
    """

    def __init__(self, path: Path, runtime: NodeRuntime) -> None:
        self.path = path
        self._runtime = runtime
        path.mkdir(parents=True, exist_ok=True)
        (path / "node_modules").symlink_to(runtime.directory / "node_modules")
        (path / "package.json").write_text(json.dumps({"type": "module"}))
        (path / "tsconfig.json").write_text(
            json.dumps({"compilerOptions": {**_OPTIONS, "outDir": "out"}, "exclude": ["node_modules", "out"]})
        )

    def run(self, script: str, stdin: str = "", *arguments: str) -> object:
        """Run a script of the folder and return what it prints, as JSON."""
        done = self._node(script, *arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return cast("object", json.loads(done.stdout))

    def compile(self) -> list[str]:
        """Compile all TypeScript of the folder into `out`, strictly; return what is wrong, a line each."""
        done = self._node("node_modules/typescript/bin/tsc", "--project", ".", "--pretty", "false")
        return [line for line in done.stdout.splitlines() if "error TS" in line]

    def _node(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = self._runtime.command(*arguments)
        return subprocess.run(
            command, cwd=self.path, input=stdin, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
