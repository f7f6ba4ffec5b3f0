"""How a service uses the onboarding jobs. The tests run each function.

``python -m midday_worker.jobs.onboarding.usage_example`` writes the four e-mails as `.eml` files, to look at them: in
development it needs no Redis, no database server and no mail server.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from midday_worker import JobHandle
from midday_worker.jobs.email_result import EmailResult
from midday_worker.jobs.models import Base, Team, User
from midday_worker.jobs.onboarding.get_started_email import get_started_email_job
from midday_worker.jobs.onboarding.onboard_team import EmailJob, OnboardTeam, OnboardTeamResult, onboard_team_job
from midday_worker.jobs.onboarding.onboarding_email import OnboardingEmail
from midday_worker.jobs.onboarding.sequence import Timing, Variant
from midday_worker.jobs.onboarding.trial_ended_email import trial_ended_email_job
from midday_worker.jobs.onboarding.trial_expiring_email import trial_expiring_email_job
from midday_worker.jobs.onboarding.welcome_email import welcome_email_job

Started = JobHandle[OnboardTeamResult]

EMAIL_JOBS: Final = (welcome_email_job, get_started_email_job, trial_expiring_email_job, trial_ended_email_job)


async def onboard(user_id: str) -> Started:
    """Start the sequence: the timing is that of the user's tier, the variant the user's own."""
    return await onboard_team_job.trigger(OnboardTeam(user_id=user_id))


async def onboard_many(user_ids: Iterable[str]) -> list[Started]:
    """Start it for many users in one round trip; if one payload is wrong, for none."""
    return await onboard_team_job.batch_trigger([{"payload": OnboardTeam(user_id=user_id)} for user_id in user_ids])


async def onboard_with_own_timing(user_id: str) -> Started:
    """Choose the delays for one user; what isn't named is as in the standard timing."""
    timing = Timing(get_started="12h", trial_expiring=timedelta(days=25))
    return await onboard_team_job.trigger(OnboardTeam(user_id=user_id, timing=timing))


async def onboard_in_seconds(user_id: str) -> Started:
    """Run the 30 days in 30 seconds, to try it out or to show it."""
    return await onboard_team_job.trigger(OnboardTeam(user_id=user_id, timing=Timing().scaled(1 / 86_400)))


async def onboard_in_variant(user_id: str, variant: Variant) -> Started:
    """Put a user on one side of the A/B test, whatever the hash says."""
    return await onboard_team_job.trigger(OnboardTeam(user_id=user_id, variant=variant))


async def remind_now(user_id: str) -> JobHandle[EmailResult]:
    """Send one step by itself, now: it still looks whether the team has upgraded."""
    return await trial_expiring_email_job.trigger(OnboardingEmail(user_id=user_id))


@dataclass
class PreviewJob:
    """The plain fake that `execute` needs in place of a job in Redis."""

    id: str
    data: object
    progress: object = None

    async def updateProgress(self, progress: object, /) -> None:
        """Keep the progress, as BullMQ's job does."""
        self.progress = progress


async def execute_step(email_job: EmailJob, user_id: str, db: AsyncSession) -> EmailResult:
    """Run one step against any database session, without Redis: how a single step is tested."""
    return await email_job.execute(PreviewJob(f"preview-{email_job.id}", {"userId": user_id}), db)


async def preview() -> dict[str, EmailResult]:
    """Write all four e-mails to an invented user, from a database in memory."""
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as db:
        team = Team(id="team_1", name="Example & Daughters")
        db.add(User(id="user_123", email="kim@example.com", full_name="Kim Example", team=team))
        await db.flush()
        results = {email_job.id: await execute_step(email_job, "user_123", db) for email_job in EMAIL_JOBS}
    await engine.dispose()
    return results


async def main() -> None:
    """Write the previews, and say which."""
    for name, result in (await preview()).items():
        sys.stdout.write(f"{name}: {result.status} {result.message_id}\n")


if __name__ == "__main__":
    asyncio.run(main())
