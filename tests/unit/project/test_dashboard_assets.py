"""The page's files: only the package that is meant is unpacked."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from scripts.dashboard_assets import is_genuine, unpack


def package(*names: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))
    return target.getvalue()


def test_another_package_is_not_genuine() -> None:
    assert not is_genuine(package("package/dist/index.ejs"))


def test_the_page_is_unpacked_and_replaces_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "assets"
    unpack(package("package/dist/old.js"), folder)
    unpack(package("package/dist/static/js/main.js", "package/package.json", "package/src/other.ts"), folder)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {"static/js/main.js", "package.json"}


def test_a_file_that_would_leave_its_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leaves its folder"):
        unpack(package("package/dist/../../../evil"), tmp_path / "assets")
    assert list(tmp_path.iterdir()) == []
