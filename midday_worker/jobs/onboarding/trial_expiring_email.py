"""The third e-mail: the trial ends soon. After 14 days, and only to a team that is still on trial."""

from __future__ import annotations

from typing import Final

from midday_worker import JobContext, job
from midday_worker.jobs.email_result import EmailResult, send_email, skip_email
from midday_worker.jobs.onboarding.onboarding_email import Content, OnboardingEmail, write_email
from midday_worker.jobs.onboarding.recipient import find_recipient, reason_to_skip
from midday_worker.jobs.onboarding.sequence import Variant

JOB_ID: Final = "trial-expiring-email"

CONTENTS: Final[dict[Variant, Content]] = {
    "a": Content("Your trial ends soon", "trial_expiring"),
    "b": Content("Keep Midday after your trial", "trial_expiring"),
}


async def handle(data: OnboardingEmail, ctx: JobContext) -> EmailResult:
    """Remind the user of the trial's end, unless the team has upgraded."""
    user = await find_recipient(ctx.db, data.user_id)
    if reason := reason_to_skip(user, only_on_trial=True):
        return skip_email(ctx, reason)
    return await send_email(ctx, write_email(user, data, CONTENTS, ctx, JOB_ID))


trial_expiring_email_job = job(
    JOB_ID,
    OnboardingEmail,
    handle,
    queue="emails",
    # It matters, and a few hours don't: 1 min, 2, 4 ... about four hours in all.
    attempts=9,
    backoff={"type": "exponential", "delay": "1m", "jitter": 0.5},
    timeout="1m",
)
