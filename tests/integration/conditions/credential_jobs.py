"""Jobs whose worker's credentials change, one of them in a process of its own, and what says the credentials."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from redis.credentials import CredentialProvider

from midday_worker import JobContext, JobRegistry, SyncJobContext, job

registry = JobRegistry()
started = asyncio.Event()
may_end = asyncio.Event()


@job("double", registry=registry)
async def double(data: int, ctx: JobContext) -> int:
    return data * 2


@job("hold", queue="held", registry=registry)
async def hold(data: int, ctx: JobContext) -> int:
    started.set()
    await may_end.wait()
    return data


@job("pass-on", queue="processes", executor="process", registry=registry)
def pass_on(data: int, ctx: SyncJobContext) -> str:
    return double.sync.trigger(data).id


class Credentials(CredentialProvider):
    """What a file says, user and password, as a service for secrets would."""

    def get_credentials(self) -> tuple[str, str]:
        user, password = Path(os.environ["CREDENTIALS_OF_TEST"]).read_text().split()
        return user, password


credentials = Credentials()
NO_CREDENTIALS = "of no use"
