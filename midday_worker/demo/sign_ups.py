"""Teams that sign up: each is stored, gets its onboarding sequence, and its invitations go out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import JobContext, Payload, job
from midday_worker.jobs import OnboardTeam, TeamInvite, onboard_team_job, team_invite_job
from midday_worker.jobs.address import mailbox
from midday_worker.jobs.models import Invite, Plan, Team, Tier, User
from midday_worker.jobs.onboarding.sequence import timing_for

JOB_ID: Final = "sign-up"
DAY_MS: Final = 200
"""How long a day of the onboarding sequence takes here: its thirty days pass in six seconds."""

_REAL_DAY_MS: Final = 86_400_000


def _checked_address(text: str) -> str:
    mailbox(text)
    return text


EmailAddress = Annotated[str, AfterValidator(_checked_address)]


class SignUpTeam(Payload):
    """The team as it signed up."""

    id: str = Field(pattern=r"^team_\w+$")
    name: str = Field(min_length=1)
    plan: Plan
    cancelled: bool = False


class SignUp(Payload):
    """A line of the input: a team, the user who signed it up, and whom they invite."""

    user_id: str = Field(pattern=r"^user_\w+$")
    full_name: str | None = None
    email: EmailAddress
    tier: Tier = Tier.STANDARD
    unsubscribed: bool = False
    team: SignUpTeam
    invites: tuple[EmailAddress, ...] = ()


class SignedUp(Payload):
    """What was started for the team."""

    onboarding: str
    invites: list[str]


async def handle(data: SignUp, ctx: JobContext) -> SignedUp:
    """Store the sign-up, then trigger what follows from it. Doing it twice changes nothing more."""
    invites = await store(ctx.db, data)
    # Those who run the jobs triggered next have to find the rows.
    await ctx.db.commit()
    timing = timing_for(data.tier).scaled(DAY_MS / _REAL_DAY_MS)
    onboarding = await onboard_team_job.trigger(
        OnboardTeam(user_id=data.user_id, timing=timing), job_id=f"onboard-{data.user_id}"
    )
    sent = [await team_invite_job.trigger(TeamInvite(invite_id=each), job_id=f"invite-{each}") for each in invites]
    return SignedUp(onboarding=onboarding.id, invites=[each.id for each in sent])


async def store(db: AsyncSession, data: SignUp) -> list[str]:
    """Write the team, its user and its invitations; return the invitations' ids."""
    now = datetime.now(UTC)
    cancelled_at = now if data.team.cancelled else None
    unsubscribed_at = now if data.unsubscribed else None
    team = Team(id=data.team.id, name=data.team.name, plan=data.team.plan, cancelled_at=cancelled_at)
    user = User(
        id=data.user_id,
        email=data.email,
        full_name=data.full_name,
        tier=data.tier,
        team_id=team.id,
        unsubscribed_at=unsubscribed_at,
    )
    await db.merge(team)
    await db.flush()
    await db.merge(user)
    await db.flush()
    ids = [f"{data.user_id}-{number}" for number in range(1, len(data.invites) + 1)]
    for invite_id, address in zip(ids, data.invites, strict=True):
        invite = Invite(id=invite_id, email=address, code=f"code-{invite_id}", team_id=team.id, invited_by_id=user.id)
        await db.merge(invite)
    return ids


sign_up_job = job(JOB_ID, SignUp, handle, queue="sign-ups", attempts=3, backoff="200ms", timeout="20s")
