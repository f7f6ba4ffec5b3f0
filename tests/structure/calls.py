"""``python -m tests.structure.calls OUTPUT FOLDER MODULE [ARGUMENT ...]``: which functions of a folder a program calls.

They are written to OUTPUT at the program's end, one a line: file, line and name.
"""

from __future__ import annotations

import runpy
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType

from tests.structure.port import Function


class Calls:
    """Notes what is called, in all threads."""

    def __init__(self) -> None:
        self._seen: set[CodeType] = set()

    def __enter__(self) -> None:
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self._seen.add(frame.f_code)

    def of(self, folder: Path) -> list[Function]:
        """Return the functions of the folder's files that were called."""
        return sorted(
            Function(Path(code.co_filename).relative_to(folder).as_posix(), code.co_firstlineno, code.co_name)
            for code in self._seen.copy()
            if Path(code.co_filename).is_relative_to(folder)
        )


def main(output: Path, folder: Path, module: str) -> None:
    """Run the module as a program."""
    calls = Calls()
    try:
        with calls:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        lines = [f"{called.file} {called.line} {called.name}\n" for called in calls.of(folder)]
        output.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    _, target, where, name, *arguments = sys.argv
    sys.argv = [name, *arguments]
    main(Path(target), Path(where), name)
