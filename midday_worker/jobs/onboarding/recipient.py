"""The recipient: read from the database when an e-mail is due, and whether it still should be sent."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from midday_worker import NonRetryableError
from midday_worker.jobs.email_result import SkipReason
from midday_worker.jobs.models import User


async def find_recipient(db: AsyncSession, user_id: str) -> User:
    """Return the user with their team, as they are now. Raises NonRetryableError if there is no such user."""
    query = (
        select(User).where(User.id == user_id).options(joinedload(User.team)).execution_options(populate_existing=True)
    )
    user = await db.scalar(query)
    if user is None:
        raise NonRetryableError(f"There is no user {user_id!r} in the database.")
    return user


def reason_to_skip(user: User, *, only_on_trial: bool = False) -> SkipReason | None:
    """Return why an onboarding e-mail isn't wanted, or None.

    Args:
        user: with the team loaded.
        only_on_trial: whether the e-mail is about the trial, so that a team that pays doesn't get it.
    """
    if user.deleted:
        return SkipReason.USER_DELETED
    if not user.subscribed:
        return SkipReason.UNSUBSCRIBED
    if user.team is not None and user.team.cancelled:
        return SkipReason.TEAM_CANCELLED
    return _reason_beside_trial(user) if only_on_trial else None


def _reason_beside_trial(user: User) -> SkipReason | None:
    if user.team is None:
        return SkipReason.NO_TEAM
    return None if user.team.on_trial else SkipReason.ALREADY_PAID
