"""The invitation: who it is from, who it is for, and when it isn't sent."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import NonRetryableError
from midday_worker.jobs import EmailResult, SkipReason, TeamInvite, team_invite_job
from midday_worker.jobs.models import Invite
from midday_worker.testing import run_job
from tests.unit.jobs.people import a_team, a_user, an_invite

Written = Callable[[], list[EmailMessage]]


async def send(db: AsyncSession, invite: Invite) -> EmailResult:
    db.add(invite)
    await db.commit()
    return await run_job(team_invite_job, TeamInvite(invite_id=invite.id), db=db, job_id="invite-job")


async def test_the_invitation_names_the_team_and_who_invites(db: AsyncSession, written: Written) -> None:
    """In the subject, and in the text; with the link that holds the code."""
    result = await send(db, an_invite(team=a_team(name="Salt & Pepper")))
    (message,) = written()
    assert result == EmailResult(status="sent", message_id=message["Message-ID"], delivered_by="file")
    assert message["To"] == "guest@example.com"
    assert message["Subject"] == "Åsa Ek invites you to Salt & Pepper"
    body = message.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "Åsa Ek (asa@example.com) invites you to the team Salt & Pepper" in text
    assert "http://localhost:3000/teams/invite/s3cret-code" in text


async def test_an_inviter_without_a_name_is_named_by_address(db: AsyncSession, written: Written) -> None:
    """Names are optional."""
    await send(db, an_invite(inviter=a_user(full_name=None, email="asa@example.com")))
    assert written()[0]["Subject"] == "asa@example.com invites you to Acme"


async def test_a_name_cannot_add_a_recipient(db: AsyncSession, written: Written) -> None:
    """A team may be called anything."""
    await send(db, an_invite(team=a_team(name="Acme\r\nBcc: everyone@example.com")))
    (message,) = written()
    assert message["Bcc"] is None
    assert message["Subject"] == "Åsa Ek invites you to Acme Bcc: everyone@example.com"


@pytest.mark.parametrize(
    ("invite", "reason"),
    [
        (an_invite(accepted=True), SkipReason.INVITE_ACCEPTED),
        (an_invite(revoked=True), SkipReason.INVITE_REVOKED),
        (an_invite(team=a_team(cancelled=True)), SkipReason.TEAM_CANCELLED),
    ],
    ids=["accepted", "revoked", "team cancelled"],
)
async def test_an_invitation_that_is_settled_is_not_sent(
    db: AsyncSession, written: Written, invite: Invite, reason: SkipReason
) -> None:
    """Between the trigger and the attempt things may have changed."""
    assert await send(db, invite) == EmailResult(status="skipped", reason=reason)
    assert written() == []


async def test_an_unknown_invitation_fails_at_once(db: AsyncSession) -> None:
    """No further attempt will find it."""
    with pytest.raises(NonRetryableError, match="There is no invite 'nobody'"):
        await run_job(team_invite_job, {"inviteId": "nobody"}, db=db)


@pytest.mark.parametrize("address", ["nobody", "a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com"])
async def test_an_address_that_is_none_fails_at_once(db: AsyncSession, written: Written, address: str) -> None:
    """And the reason, which is kept, doesn't show it."""
    with pytest.raises(NonRetryableError, match="invite invite_1") as caught:
        await send(db, an_invite(email=address))
    assert address not in str(caught.value)
    assert caught.value.__cause__ is None
    assert written() == []


async def test_two_attempts_at_one_job_are_one_message(db: AsyncSession, written: Written) -> None:
    """The second has the first one's Message-ID, so whoever sees both knows."""
    first = await send(db, an_invite())
    again = await run_job(team_invite_job, TeamInvite(invite_id="invite_1"), db=db, job_id="invite-job", attempt=2)
    other = await run_job(team_invite_job, TeamInvite(invite_id="invite_1"), db=db, job_id="other-job")
    assert first.message_id == again.message_id != other.message_id
    assert len(written()) == 2
