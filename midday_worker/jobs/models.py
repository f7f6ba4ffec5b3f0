"""The tables that the shipped jobs read: teams, their users, and invitations."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import DateTime, ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

_ID_LENGTH: Final = 64
_EMAIL_LENGTH: Final = 320
_WORD_LENGTH: Final = 32


class Plan(StrEnum):
    """What a team pays for."""

    TRIAL = "trial"
    STARTER = "starter"
    PRO = "pro"


class Tier(StrEnum):
    """How closely a user is looked after; it chooses the timing of the onboarding e-mails."""

    STANDARD = "standard"
    VIP = "vip"


def _now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """The models' metadata: `Base.metadata.create_all` makes the tables in a new database."""


class Team(Base):
    """A team, on one plan.

    `plan` and a user's `tier` are plain text columns: a value that another service has added is read as it
    is, where a database enum would make the row unreadable. A plan that isn't the trial counts as paid.
    """

    __tablename__ = "teams"

    id: Mapped[str] = mapped_column(String(_ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    plan: Mapped[str] = mapped_column(String(_WORD_LENGTH), default=Plan.TRIAL)
    cancelled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), default=None)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now)

    @property
    def on_trial(self) -> bool:
        """Whether the team has not upgraded yet."""
        return self.plan == Plan.TRIAL

    @property
    def cancelled(self) -> bool:
        """Whether the team has left."""
        return self.cancelled_at is not None


class User(Base):
    """A person who signed up. `team` is loaded by the query that needs it, never behind its back."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(_ID_LENGTH), primary_key=True)
    email: Mapped[str] = mapped_column(String(_EMAIL_LENGTH))
    full_name: Mapped[str | None] = mapped_column(String(255), default=None)
    tier: Mapped[str] = mapped_column(String(_WORD_LENGTH), default=Tier.STANDARD)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"), index=True, default=None)
    unsubscribed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), default=None)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), default=None)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now)

    team: Mapped[Team | None] = relationship(lazy="raise")

    @property
    def subscribed(self) -> bool:
        """Whether the user still wants mail from us."""
        return self.unsubscribed_at is None

    @property
    def deleted(self) -> bool:
        """Whether the account is gone and only its row remains."""
        return self.deleted_at is not None


class Invite(Base):
    """An invitation of an address to a team. `code` is the secret part of the link in the e-mail."""

    __tablename__ = "team_invites"

    id: Mapped[str] = mapped_column(String(_ID_LENGTH), primary_key=True)
    email: Mapped[str] = mapped_column(String(_EMAIL_LENGTH))
    code: Mapped[str] = mapped_column(String(_ID_LENGTH), unique=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), index=True)
    invited_by_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    accepted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), default=None)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now)

    team: Mapped[Team] = relationship(lazy="raise")
    invited_by: Mapped[User] = relationship(lazy="raise")
