"""The last e-mail: the trial has ended. After 30 days, and only to a team that did not upgrade."""

from __future__ import annotations

from typing import Final

from midday_worker import JobContext, job
from midday_worker.jobs.email_result import EmailResult, send_email, skip_email
from midday_worker.jobs.onboarding.onboarding_email import Content, OnboardingEmail, write_email
from midday_worker.jobs.onboarding.recipient import find_recipient, reason_to_skip
from midday_worker.jobs.onboarding.sequence import Variant

JOB_ID: Final = "trial-ended-email"

CONTENTS: Final[dict[Variant, Content]] = {
    "a": Content("Your trial has ended", "trial_ended"),
    "b": Content("Your data waits for you", "trial_ended"),
}


async def handle(data: OnboardingEmail, ctx: JobContext) -> EmailResult:
    """Tell the user that the trial is over, unless the team has upgraded."""
    user = await find_recipient(ctx.db, data.user_id)
    if reason := reason_to_skip(user, only_on_trial=True):
        return skip_email(ctx, reason)
    return await send_email(ctx, write_email(user, data, CONTENTS, ctx, JOB_ID))


trial_ended_email_job = job(
    JOB_ID,
    OnboardingEmail,
    handle,
    queue="emails",
    # The last chance to reach them, and no hurry: an hour apart.
    attempts=12,
    backoff={"type": "fixed", "delay": "1h"},
    timeout="1m",
)
