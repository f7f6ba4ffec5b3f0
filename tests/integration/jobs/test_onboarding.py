"""The shipped jobs as they run: on Redis, with PostgreSQL behind `ctx.db`, to an SMTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from midday_worker import (
    JobClient,
    JobDefinition,
    JobFailedError,
    JobHandle,
    Payload,
    Settings,
    default_registry,
)
from midday_worker.databases import Database, create_database
from midday_worker.jobs import (
    EmailResult,
    OnboardingEmail,
    OnboardTeam,
    OnboardTeamResult,
    SkipReason,
    TeamInvite,
    Timing,
    onboard_team_job,
    team_invite_job,
    welcome_email_job,
)
from midday_worker.jobs.models import Base, Invite, Plan, Team, Tier, User
from midday_worker.jobs.onboarding.usage_example import EMAIL_JOBS
from midday_worker.testing import RedisServer, time_travel
from midday_worker.workers.plan import make_plan
from tests.integration.crew import Crew
from tests.integration.jobs.post_office import PostOffice, post_office

P = TypeVar("P", bound=Payload)
R = TypeVar("R", bound=Payload)

IN_A_SECOND = Timing(get_started=200, trial_expiring=400, trial_ended=600)


@pytest.fixture
async def office(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[PostOffice]:
    """An SMTP server that the environment points to."""
    async with post_office() as running:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("ENVIRONMENT", "production")
        monkeypatch.setenv("MAIL_SMTP_HOST", "localhost")
        monkeypatch.setenv("MAIL_SMTP_PORT", str(running.port))
        monkeypatch.setenv("MAIL_SMTP_TLS", "none")
        yield running


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """A database with two teams, four users and an invitation."""
    database = create_database(postgres_url)
    async with database.engine().begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    trial = Team(id="trial", name="Acme")
    paid = Team(id="paid", name="Globex", plan=Plan.PRO)
    kim = User(id="kim", email="kim@example.com", full_name="Kim Ågren", team=trial)
    async with database.session() as session:
        session.add_all(
            [
                kim,
                User(id="pia", email="pia@example.com", team=paid, tier=Tier.VIP),
                User(id="uma", email="uma@example.com", team=trial, unsubscribed_at=datetime.now(UTC)),
                User(id="bad", email="no such address", team=trial),
                Invite(id="invite", email="guest@example.com", code="c0de", team=trial, invited_by=kim),
            ]
        )
        await session.commit()
    yield database
    await database.dispose()


@pytest.fixture
async def crew(client: JobClient, settings: Settings, database: Database) -> AsyncIterator[Crew]:
    """The worker of the two queues."""
    plan = make_plan(default_registry, only=("emails", "onboarding"))
    async with Crew(default_registry, settings, database, plan.queues) as crew:
        yield crew


async def onboard(client: JobClient, user_id: str) -> tuple[OnboardTeamResult, list[EmailResult]]:
    """Start the sequence and wait for its end."""
    started = await onboard_team_job.trigger(OnboardTeam(user_id=user_id, timing=IN_A_SECOND))
    result = await started.result(timeout="10s")
    jobs = {email_job.id: email_job for email_job in EMAIL_JOBS}
    handles = [handle_of(client, jobs[email.job], email.job_id) for email in result.emails]
    return result, [await handle.result(timeout="10s") for handle in handles]


def handle_of(client: JobClient, definition: JobDefinition[P, R], job_id: str) -> JobHandle[R]:
    return JobHandle(job_id, definition.id, definition.queue, client, definition)


@pytest.mark.usefixtures("crew")
async def test_a_user_on_trial_gets_the_whole_sequence_in_order(client: JobClient, office: PostOffice) -> None:
    """Thirty days in less than a second, from the trigger to the mail server."""
    result, emails = await onboard(client, "kim")
    assert [email.delay_ms for email in result.emails] == [0, 200, 400, 600]
    assert [email.status for email in emails] == ["sent"] * 4
    assert [message["Message-ID"] for message in office.messages] == [email.message_id for email in emails]
    assert {message["To"].addresses[0].display_name for message in office.messages} == {"Kim Ågren"}


async def test_the_emails_go_out_on_their_days(
    redis_server: RedisServer, postgres_url: str, database: Database, office: PostOffice
) -> None:
    """At once, and after 3, 14 and 30 days; the last one's mail server is away for half a day."""
    settings = Settings(
        env_file=None,
        redis_url=redis_server.url,
        database_primary_url=postgres_url,
        worker_queues=("emails", "onboarding"),
    )
    async with time_travel(settings=settings) as world:
        start = world.now()
        await onboard_team_job.trigger(OnboardTeam(user_id="kim"))
        await world.advance("29d")
        office.answers["RCPT"] = ["451 try again later"] * 11
        await world.advance("2d")
        world.assert_ran(onboard_team_job, *EMAIL_JOBS, times=1)
        days = [round((run.at - start) / timedelta(days=1), 2) for run in world.runs if run.error is None]
        assert days == [0, 0, 3, 14, 30.46]
        assert len(world.failed) == 11
        assert len(office.messages) == 4


@pytest.mark.usefixtures("crew")
async def test_a_team_that_pays_is_spared_the_emails_about_its_trial(client: JobClient, office: PostOffice) -> None:
    """The last two are skipped, and say why."""
    _, emails = await onboard(client, "pia")
    assert [email.reason for email in emails] == [None, None, SkipReason.ALREADY_PAID, SkipReason.ALREADY_PAID]
    assert len(office.messages) == 2


@pytest.mark.usefixtures("crew")
async def test_who_unsubscribed_gets_nothing(client: JobClient, office: PostOffice) -> None:
    """The jobs complete all the same."""
    _, emails = await onboard(client, "uma")
    assert {email.reason for email in emails} == {SkipReason.UNSUBSCRIBED}
    assert office.messages == []


@pytest.mark.usefixtures("crew")
async def test_starting_a_sequence_twice_sends_nothing_twice(client: JobClient, office: PostOffice) -> None:
    """The orchestrator gives each e-mail a fixed id, so a retry adds none."""
    first, sent = await onboard(client, "kim")
    second, again = await onboard(client, "kim")
    assert first.emails == second.emails
    assert sent == again
    assert len(office.messages) == 4


@pytest.mark.usefixtures("crew")
async def test_a_deferred_email_is_sent_at_the_next_attempt(client: JobClient, office: PostOffice) -> None:
    """Under the Message-ID that the first attempt had."""
    office.answers["RCPT"] = ["450 4.2.1 try again later"]
    handle = await welcome_email_job.trigger(OnboardingEmail(user_id="kim"), backoff="20ms", job_id="welcome-kim")
    result = await handle.result(timeout="10s")
    assert result.status == "sent"
    assert (await handle.fetch()).attemptsMade == 2
    assert [message["Message-ID"] for message in office.messages] == [result.message_id]


@pytest.mark.usefixtures("crew")
async def test_a_refused_recipient_fails_the_job_at_its_first_attempt(client: JobClient, office: PostOffice) -> None:
    """However many attempts it has."""
    office.answers["RCPT"] = ["550 5.1.1 no such mailbox"]
    handle = await welcome_email_job.trigger(OnboardingEmail(user_id="kim"))
    with pytest.raises(JobFailedError, match=r"refuses the recipient: 550 5\.1\.1 no such mailbox") as caught:
        await handle.result(timeout="10s")
    assert caught.value.attempts == 1


@pytest.mark.usefixtures("crew", "office")
@pytest.mark.parametrize(("user_id", "reason"), [("nobody", "There is no user 'nobody'"), ("bad", "user 'bad'")])
async def test_what_no_attempt_can_mend_fails_at_once(user_id: str, reason: str) -> None:
    """An unknown user; an address that is none."""
    handle = await welcome_email_job.trigger(OnboardingEmail(user_id=user_id))
    with pytest.raises(JobFailedError, match=reason) as caught:
        await handle.result(timeout="10s")
    assert caught.value.attempts == 1


@pytest.mark.usefixtures("crew")
async def test_an_invitation_arrives(client: JobClient, office: PostOffice) -> None:
    """With the names of the team and of who invites."""
    handle = await team_invite_job.trigger(TeamInvite(invite_id="invite"))
    assert (await handle.result(timeout="10s")).status == "sent"
    (message,) = office.messages
    assert message["To"] == "guest@example.com"
    assert message["Subject"] == "Kim Ågren invites you to Acme"
