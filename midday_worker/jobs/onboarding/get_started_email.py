"""The second e-mail: what to do first. After 3 days."""

from __future__ import annotations

from typing import Final

from midday_worker import JobContext, job
from midday_worker.jobs.email_result import EmailResult, send_email, skip_email
from midday_worker.jobs.onboarding.onboarding_email import Content, OnboardingEmail, write_email
from midday_worker.jobs.onboarding.recipient import find_recipient, reason_to_skip
from midday_worker.jobs.onboarding.sequence import Variant

JOB_ID: Final = "get-started-email"

CONTENTS: Final[dict[Variant, Content]] = {
    "a": Content("Get the most out of Midday", "get_started"),
    "b": Content("Three things to do first", "get_started_checklist"),
}


async def handle(data: OnboardingEmail, ctx: JobContext) -> EmailResult:
    """Show the user where to begin; also in a team that pays already."""
    user = await find_recipient(ctx.db, data.user_id)
    if reason := reason_to_skip(user):
        return skip_email(ctx, reason)
    return await send_email(ctx, write_email(user, data, CONTENTS, ctx, JOB_ID))


get_started_email_job = job(
    JOB_ID,
    OnboardingEmail,
    handle,
    queue="emails",
    # Nice to have: a few calm attempts, then let it go.
    attempts=3,
    backoff={"type": "fixed", "delay": "10m"},
    timeout="1m",
)
