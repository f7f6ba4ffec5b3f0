"""Other Python libraries, each in an environment of its own that is made on demand."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from scripts.benchmark.roster import Contender, python_program

PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "arq": ("arq==0.28.0",),
    "saq": ("saq[redis]==0.26.4", "typing-extensions"),
    "taskiq": ("taskiq==0.13.0", "taskiq-redis==1.2.4"),
    "streaq": ("streaq==7.2.0",),
    "docket": ("pydocket==0.27.0",),
    "dramatiq": ("dramatiq[redis]==2.2.1",),
    "celery": ("celery[redis]==5.7.0",),
    "rq": ("rq==2.12.0",),
}
"""What each environment holds beside hiredis, which all get: redis-py uses it where it is there."""

_INSTALL_S: Final = 300


def install(folder: Path, name: str) -> Path:
    """Make the environment of this name, unless it is there; return its Python."""
    home = folder / name
    python, done = home / "bin" / "python", home / "installed.txt"
    wanted = "\n".join(("hiredis", *PACKAGES[name]))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != wanted:
            _run(sys.executable, "-m", "venv", "--clear", str(home))
            _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted.split("\n"))
            done.write_text(wanted)
    return python


def peers(folder: Path) -> list[Contender]:
    """Return them all; `folder` holds their environments."""

    def of(environment: str, label: str, name: str = "", **variables: str) -> Contender:
        python = str(folder / environment / "bin" / "python")
        return Contender(
            name=name or environment,
            label=label,
            worker=python_program(f"peers.{environment}", "work", python, **variables),
            producer=python_program(f"peers.{environment}", "produce", python, **variables),
            environment=environment,
            alone=800,
            together=1_500,
            bulk=False,
        )

    return [
        replace(of("arq", "arq, polling every 10 ms", BENCH_POLL_MS="10"), alone=80),
        of("saq", "SAQ"),
        replace(
            of("taskiq", "taskiq, stream", "taskiq-stream", BENCH_BROKER="stream"),
            alone=1_900,
            together=2_600,
            fresh_producer=True,
        ),
        replace(of("taskiq", "taskiq, list", "taskiq-list", BENCH_BROKER="list"), alone=2_200, together=2_000),
        replace(of("streaq", "streaq"), together=900, bulk=True, oldest_redis=(7,)),
        replace(of("docket", "docket, checking every 5 ms"), alone=150, together=1_300),
        replace(of("dramatiq", "dramatiq"), alone=250, together=2_500, concurrent=False),
        replace(of("celery", "Celery, threads"), alone=700, together=700, concurrent=False, fresh_producer=True),
        replace(of("rq", "RQ", BENCH_WORKER="fork"), alone=60, concurrent=False, bulk=True, one_at_a_time=True),
        replace(
            of("rq", "RQ, SimpleWorker", "rq-simple", BENCH_WORKER="simple"),
            alone=200,
            concurrent=False,
            bulk=True,
            one_at_a_time=True,
        ),
    ]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-2_000:]}")
