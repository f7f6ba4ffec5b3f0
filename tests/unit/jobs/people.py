"""The people and teams of these tests, and a database in memory that holds them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from midday_worker.jobs.models import Base, Invite, Plan, Team, Tier, User

LONG_AGO = datetime(2024, 2, 29, 12, tzinfo=UTC)


def a_team(*, plan: str = Plan.TRIAL, cancelled: bool = False, name: str = "Acme") -> Team:
    return Team(id="team_1", name=name, plan=plan, cancelled_at=LONG_AGO if cancelled else None)


def a_user(
    team: Team | None = None,
    *,
    user_id: str = "user_123",
    email: str = "kim@example.com",
    full_name: str | None = "Kim",
    tier: str = Tier.STANDARD,
    unsubscribed: bool = False,
    deleted: bool = False,
) -> User:
    return User(
        id=user_id,
        email=email,
        full_name=full_name,
        tier=tier,
        team=team,
        unsubscribed_at=LONG_AGO if unsubscribed else None,
        deleted_at=LONG_AGO if deleted else None,
    )


def an_invite(
    *,
    team: Team | None = None,
    inviter: User | None = None,
    email: str = "guest@example.com",
    accepted: bool = False,
    revoked: bool = False,
) -> Invite:
    return Invite(
        id="invite_1",
        email=email,
        code="s3cret-code",
        team=team or a_team(),
        invited_by=inviter or a_user(full_name="Åsa Ek", email="asa@example.com"),
        accepted_at=LONG_AGO if accepted else None,
        revoked_at=LONG_AGO if revoked else None,
    )


@asynccontextmanager
async def memory_database() -> AsyncGenerator[AsyncSession]:
    """A session on an empty SQLite database that has the tables."""
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
    await engine.dispose()
