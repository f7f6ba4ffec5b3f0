"""What the tests of the shipped jobs share: an environment of their own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.unit.jobs.people import memory_database


@pytest.fixture(autouse=True)
def mail_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variable and no `.env` of the machine reaches these tests; e-mails go to the returned folder."""
    for name in list(os.environ):
        if name.startswith("MAIL_") or name == "ENVIRONMENT":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "mail"
    monkeypatch.setenv("MAIL_DIRECTORY", str(directory))
    return directory


@pytest.fixture
async def db() -> AsyncIterator[AsyncSession]:
    async with memory_database() as session:
        yield session


@pytest.fixture
def written(mail_directory: Path) -> Callable[[], list[EmailMessage]]:
    """The e-mails that were written so far, as a mail program reads them."""

    def read(path: Path) -> EmailMessage:
        message = message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)
        return message

    return lambda: [read(path) for path in sorted(mail_directory.glob("*.eml"))]
