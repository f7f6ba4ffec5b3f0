"""The first e-mail of the sequence, at once after sign-up."""

from __future__ import annotations

from typing import Final

from midday_worker import JobContext, job
from midday_worker.jobs.email_result import EmailResult, send_email, skip_email
from midday_worker.jobs.onboarding.onboarding_email import Content, OnboardingEmail, write_email
from midday_worker.jobs.onboarding.recipient import find_recipient, reason_to_skip
from midday_worker.jobs.onboarding.sequence import Variant

JOB_ID: Final = "welcome-email"

CONTENTS: Final[dict[Variant, Content]] = {
    "a": Content("Welcome to Midday", "welcome"),
    "b": Content("Your Midday account is ready", "welcome"),
}


async def handle(data: OnboardingEmail, ctx: JobContext) -> EmailResult:
    """Welcome the user."""
    user = await find_recipient(ctx.db, data.user_id)
    if reason := reason_to_skip(user):
        return skip_email(ctx, reason)
    return await send_email(ctx, write_email(user, data, CONTENTS, ctx, JOB_ID))


welcome_email_job = job(
    JOB_ID,
    OnboardingEmail,
    handle,
    queue="emails",
    # The user has just signed up and looks for it: try again soon.
    attempts=6,
    backoff={"type": "exponential", "delay": "5s", "jitter": 0.5},
    timeout="1m",
)
