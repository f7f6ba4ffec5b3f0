"""The orchestrator: starts the e-mail sequence of a user who signed up."""

from __future__ import annotations

from typing import Final, TypeAlias
from urllib.parse import quote

from midday_worker import Duration, JobContext, JobDefinition, Payload, job, to_milliseconds
from midday_worker.jobs.email_result import EmailResult
from midday_worker.jobs.onboarding.get_started_email import get_started_email_job
from midday_worker.jobs.onboarding.onboarding_email import OnboardingEmail
from midday_worker.jobs.onboarding.recipient import find_recipient
from midday_worker.jobs.onboarding.sequence import Timing, Variant, timing_for, variant_for
from midday_worker.jobs.onboarding.trial_ended_email import trial_ended_email_job
from midday_worker.jobs.onboarding.trial_expiring_email import trial_expiring_email_job
from midday_worker.jobs.onboarding.welcome_email import welcome_email_job

JOB_ID: Final = "onboard-team"

EmailJob: TypeAlias = JobDefinition[OnboardingEmail, EmailResult]


class OnboardTeam(Payload):
    """Who signed up. `timing` and `variant` override what the user's tier and the A/B test would choose."""

    user_id: str
    timing: Timing | None = None
    variant: Variant | None = None


class ScheduledEmail(Payload):
    """One e-mail of the sequence: its job, and how long after sign-up it is due."""

    job: str
    job_id: str
    delay_ms: int


class OnboardTeamResult(Payload):
    """The sequence that was started."""

    user_id: str
    variant: Variant
    emails: list[ScheduledEmail]


async def handle(data: OnboardTeam, ctx: JobContext) -> OnboardTeamResult:
    """Trigger the four e-mails, each with its delay. Doing it twice sends nothing twice."""
    user = await find_recipient(ctx.db, data.user_id)
    timing = data.timing or timing_for(user.tier)
    variant = data.variant or variant_for(user.id)
    payload = OnboardingEmail(user_id=user.id, variant=variant)
    emails: list[ScheduledEmail] = []
    for number, (email_job, delay) in enumerate(steps(timing), start=1):
        # A fixed id: BullMQ adds nothing under an id that exists, so a second attempt only fills the gaps.
        scheduled = await email_job.trigger(payload, delay=delay, job_id=email_job_id(email_job, user.id))
        emails.append(ScheduledEmail(job=email_job.id, job_id=scheduled.id, delay_ms=to_milliseconds(delay)))
        await ctx.update_progress(number * 25)
    ctx.logger.info("started sequence {variant} with {tier} timing", variant=variant, tier=user.tier)
    return OnboardTeamResult(user_id=user.id, variant=variant, emails=emails)


def steps(timing: Timing) -> tuple[tuple[EmailJob, Duration], ...]:
    """Return the sequence: each e-mail's job, and when it is due."""
    return (
        (welcome_email_job, timing.welcome),
        (get_started_email_job, timing.get_started),
        (trial_expiring_email_job, timing.trial_expiring),
        (trial_ended_email_job, timing.trial_ended),
    )


def email_job_id(email_job: EmailJob, user_id: str) -> str:
    """Return the id that this e-mail to this user always has.

    >>> email_job_id(welcome_email_job, "user:1")
    'welcome-email-user%3A1'
    """
    return f"{email_job.id}-{quote(user_id, safe='')}"


onboard_team_job = job(
    JOB_ID,
    OnboardTeam,
    handle,
    queue="onboarding",
    attempts=5,
    backoff={"type": "exponential", "delay": "2s", "jitter": 0.5},
    timeout="30s",
)
