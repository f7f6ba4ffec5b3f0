"""The invitation of an address to a team."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from midday_worker import JobContext, NonRetryableError, Payload, job
from midday_worker.jobs.address import mailbox
from midday_worker.jobs.email_result import EmailResult, SkipReason, send_email, skip_email
from midday_worker.jobs.message import Email
from midday_worker.jobs.models import Invite

JOB_ID: Final = "team-invite"


class TeamInvite(Payload):
    """Which invitation to send. Trigger it after the transaction that stores the invitation is committed."""

    invite_id: str


async def handle(data: TeamInvite, ctx: JobContext) -> EmailResult:
    """Send the invitation with the names of its team and of who invites, unless it is settled by now."""
    invite = await find_invite(ctx.db, data.invite_id)
    if reason := reason_to_skip(invite):
        return skip_email(ctx, reason)
    try:
        recipient = mailbox(invite.email)
    except ValueError:
        # Without the cause: its text quotes the address, and reasons are kept and shown.
        raise NonRetryableError(f"The address that invite {invite.id} is for is not an e-mail address.") from None
    inviter = invite.invited_by
    inviter_name = inviter.full_name or inviter.email
    email = Email(
        to=recipient,
        subject=f"{inviter_name} invites you to {invite.team.name}",
        template="team_invite",
        values={
            "inviter_name": inviter_name,
            "inviter_email": inviter.email,
            "team_name": invite.team.name,
            "recipient_email": invite.email,
            "invite_code": invite.code,
        },
        kind=JOB_ID,
        job_id=str(ctx.job.id),
    )
    return await send_email(ctx, email)


async def find_invite(db: AsyncSession, invite_id: str) -> Invite:
    """Return the invitation with its team and who invites. Raises NonRetryableError if there is none."""
    query = (
        select(Invite)
        .where(Invite.id == invite_id)
        .options(joinedload(Invite.team), joinedload(Invite.invited_by))
        .execution_options(populate_existing=True)
    )
    invite = await db.scalar(query)
    if invite is None:
        raise NonRetryableError(f"There is no invite {invite_id!r} in the database.")
    return invite


def reason_to_skip(invite: Invite) -> SkipReason | None:
    """Return why the invitation isn't wanted any more, or None."""
    if invite.accepted_at is not None:
        return SkipReason.INVITE_ACCEPTED
    if invite.revoked_at is not None:
        return SkipReason.INVITE_REVOKED
    return SkipReason.TEAM_CANCELLED if invite.team.cancelled else None


team_invite_job = job(
    JOB_ID,
    TeamInvite,
    handle,
    queue="emails",
    # Somebody waits for it: try again soon, and often.
    attempts=6,
    backoff={"type": "exponential", "delay": "5s", "jitter": 0.5},
    timeout="1m",
)
