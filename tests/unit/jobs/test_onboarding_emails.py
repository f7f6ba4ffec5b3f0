"""The four e-mails, each by itself: who gets it, in which variant, and why somebody doesn't."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

import pytest
from loguru import logger
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import NonRetryableError
from midday_worker.jobs import (
    EmailResult,
    OnboardingEmail,
    SkipReason,
    get_started_email_job,
    trial_ended_email_job,
    trial_expiring_email_job,
    welcome_email_job,
)
from midday_worker.jobs.models import Plan, Team, User
from midday_worker.jobs.onboarding import Variant, variant_for
from midday_worker.jobs.onboarding.onboard_team import EmailJob
from midday_worker.testing import FakeJob, run_job
from tests.unit.jobs.people import a_team, a_user

Written = Callable[[], list[EmailMessage]]

ALL = [welcome_email_job, get_started_email_job, trial_expiring_email_job, trial_ended_email_job]
ABOUT_THE_TRIAL = [trial_expiring_email_job, trial_ended_email_job]

every_email = pytest.mark.parametrize("email_job", ALL, ids=lambda definition: definition.id)
trial_emails = pytest.mark.parametrize("email_job", ABOUT_THE_TRIAL, ids=lambda definition: definition.id)
other_emails = pytest.mark.parametrize("email_job", ALL[:2], ids=lambda definition: definition.id)


async def send(db: AsyncSession, email_job: EmailJob, user: User, variant: Variant | None = None) -> EmailResult:
    db.add(user)
    await db.commit()
    return await run_job(email_job, OnboardingEmail(user_id=user.id, variant=variant), db=db)


@every_email
async def test_a_user_on_trial_gets_every_email(db: AsyncSession, written: Written, email_job: EmailJob) -> None:
    """To their address, by name, as text and HTML."""
    result = await send(db, email_job, a_user(a_team()))
    (message,) = written()
    assert result == EmailResult(status="sent", message_id=message["Message-ID"], delivered_by="file")
    assert message["To"] == "Kim <kim@example.com>"
    body = message.get_body(("plain",))
    assert body is not None
    assert "Hi Kim," in body.get_content()


@every_email
async def test_a_user_without_a_name_is_greeted_all_the_same(
    db: AsyncSession, written: Written, email_job: EmailJob
) -> None:
    """Nobody reads "Hi None,"."""
    await send(db, email_job, a_user(a_team(), full_name=None))
    (message,) = written()
    body = message.get_body(("plain",))
    assert body is not None
    assert "Hi there," in body.get_content()


@trial_emails
@pytest.mark.parametrize("plan", [Plan.STARTER, Plan.PRO, "enterprise"])
async def test_a_team_that_pays_gets_nothing_about_its_trial(
    db: AsyncSession, written: Written, email_job: EmailJob, plan: str
) -> None:
    """Also when another service has invented the plan."""
    result = await send(db, email_job, a_user(a_team(plan=plan)))
    assert result == EmailResult(status="skipped", reason=SkipReason.ALREADY_PAID)
    assert written() == []


@trial_emails
async def test_a_user_without_a_team_gets_nothing_about_a_trial(db: AsyncSession, email_job: EmailJob) -> None:
    """There is no trial."""
    assert (await send(db, email_job, a_user())).reason is SkipReason.NO_TEAM


@other_emails
@pytest.mark.parametrize("team", [None, a_team(plan=Plan.PRO)], ids=["no team", "paid"])
async def test_the_first_two_emails_do_not_ask_for_a_trial(db: AsyncSession, email_job: EmailJob, team: object) -> None:
    """Who pays or has no team yet is welcomed too."""
    user = a_user(None if team is None else a_team(plan=Plan.PRO))
    assert (await send(db, email_job, user)).status == "sent"


@every_email
@pytest.mark.parametrize(
    ("unsubscribed", "deleted", "cancelled", "reason"),
    [
        (True, False, False, SkipReason.UNSUBSCRIBED),
        (False, True, False, SkipReason.USER_DELETED),
        (False, False, True, SkipReason.TEAM_CANCELLED),
        (True, True, True, SkipReason.USER_DELETED),
    ],
    ids=["unsubscribed", "deleted", "team cancelled", "all of it"],
)
async def test_who_left_gets_nothing(
    db: AsyncSession,
    written: Written,
    email_job: EmailJob,
    unsubscribed: bool,
    deleted: bool,
    cancelled: bool,
    reason: SkipReason,
) -> None:
    """The user, or the whole team."""
    user = a_user(a_team(cancelled=cancelled), unsubscribed=unsubscribed, deleted=deleted)
    assert await send(db, email_job, user) == EmailResult(status="skipped", reason=reason)
    assert written() == []


@every_email
async def test_an_unknown_user_fails_at_once(db: AsyncSession, email_job: EmailJob) -> None:
    """The reason says which user."""
    with pytest.raises(NonRetryableError, match="There is no user 'nobody' in the database"):
        await run_job(email_job, {"userId": "nobody"}, db=db)


@every_email
async def test_an_address_that_is_none_fails_at_once(db: AsyncSession, email_job: EmailJob) -> None:
    """And the reason doesn't show it."""
    with pytest.raises(NonRetryableError, match="user_123") as caught:
        await send(db, email_job, a_user(a_team(), email="kim@example.com, eve@example.com"))
    assert "eve" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_what_the_team_does_in_the_meantime_counts(db: AsyncSession) -> None:
    """The plan is read when the e-mail is due, also by a session that has seen the team before."""
    user = a_user(a_team())
    assert (await send(db, trial_expiring_email_job, user)).status == "sent"
    await db.execute(update(Team).values(plan=Plan.PRO), execution_options={"synchronize_session": False})
    assert (await send(db, trial_ended_email_job, user)).reason is SkipReason.ALREADY_PAID


@every_email
async def test_the_variants_differ_and_each_has_its_templates(
    db: AsyncSession, written: Written, email_job: EmailJob
) -> None:
    """Both sides of the test can be sent."""
    user = a_user(a_team())
    await send(db, email_job, user, "a")
    subject = written()[0]["Subject"]
    await send(db, email_job, user, "b")
    assert written()[0]["Subject"] != subject


async def test_without_a_variant_in_the_payload_the_users_own_is_sent(db: AsyncSession, written: Written) -> None:
    """A step that is triggered by itself keeps to the side the user is on."""
    users = [a_user(user_id=name, email=f"{name}@example.com") for name in ("user_1", "user_2", "user_3", "user_4")]
    subjects = {"a": "Get the most out of Midday", "b": "Three things to do first"}
    for user in users:
        await send(db, get_started_email_job, user)
        assert written()[0]["Subject"] == subjects[variant_for(user.id)]
    assert {variant_for(user.id) for user in users} == {"a", "b"}


@every_email
async def test_a_step_runs_with_a_plain_fake_and_a_plain_session(db: AsyncSession, email_job: EmailJob) -> None:
    """As the original's "Testing Jobs" shows: `definition.execute(fake_job, db)`."""
    db.add(a_user(a_team()))
    await db.flush()
    result = await email_job.execute(FakeJob({"userId": "user_123"}), db)
    assert result.status == "sent"


@pytest.mark.parametrize(("environment", "level"), [("development", "INFO"), ("production", "WARNING")])
async def test_an_email_that_only_became_a_file_is_a_warning_outside_development(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch, environment: str, level: str
) -> None:
    """Somebody forgot MAIL_SMTP_HOST; nobody gets mail, and no job fails."""
    lines: list[str] = []
    sink = logger.add(lines.append, format="{level} {message}", filter="midday_worker.jobs")
    monkeypatch.setenv("ENVIRONMENT", environment)
    await send(db, welcome_email_job, a_user(a_team()))
    logger.remove(sink)
    assert [line.split(":")[0] for line in lines] == [f"{level} welcome-email delivered by file"]


def test_each_email_has_a_retry_policy_of_its_own() -> None:
    """They matter differently, and differently soon."""
    policies = {(definition.options.attempts, definition.options.backoff) for definition in ALL}
    assert len(policies) == len(ALL)
    assert all(definition.options.timeout for definition in ALL)
