"""The orchestrator: which e-mails it triggers, when, and that doing it twice does nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import NonRetryableError, PayloadError, RedisUnavailableError
from midday_worker.jobs import (
    OnboardingEmail,
    OnboardTeam,
    OnboardTeamResult,
    Timing,
    get_started_email_job,
    onboard_team_job,
    trial_ended_email_job,
    trial_expiring_email_job,
    welcome_email_job,
)
from midday_worker.jobs.models import Tier
from midday_worker.jobs.onboarding import variant_for
from midday_worker.schema.schema import JsonValue
from midday_worker.testing import FakeJob, RecordingClient, recording_client, run_job
from tests.unit.jobs.people import a_team, a_user

DAY_MS = 86_400_000


@pytest.fixture
async def client() -> AsyncIterator[RecordingClient]:
    async with recording_client() as recording:
        yield recording


async def onboard(db: AsyncSession, payload: OnboardTeam | None = None, tier: str = Tier.STANDARD) -> OnboardTeamResult:
    db.add(a_user(a_team(), tier=tier))
    await db.commit()
    return await run_job(onboard_team_job, payload or OnboardTeam(user_id="user_123"), db=db)


def days(client: RecordingClient) -> list[float]:
    return [record.options.delay / DAY_MS for record in client.recorded]


async def test_the_four_emails_go_out_at_once_and_after_3_14_and_30_days(
    db: AsyncSession, client: RecordingClient
) -> None:
    """The sequence of the original."""
    await onboard(db)
    payload = OnboardingEmail(user_id="user_123", variant=variant_for("user_123"))
    client.assert_triggered(welcome_email_job, payload, times=1, delay=0)
    client.assert_triggered(get_started_email_job, payload, times=1, delay="3d")
    client.assert_triggered(trial_expiring_email_job, payload, times=1, delay="14d")
    client.assert_triggered(trial_ended_email_job, payload, times=1, delay="30d")
    assert len(client.recorded) == 4


async def test_the_result_lists_the_emails_with_ids_and_delays(db: AsyncSession, client: RecordingClient) -> None:
    """What the service shows or stores."""
    result = await onboard(db)
    assert [(email.job, email.delay_ms) for email in result.emails] == [
        ("welcome-email", 0),
        ("get-started-email", 3 * DAY_MS),
        ("trial-expiring-email", 14 * DAY_MS),
        ("trial-ended-email", 30 * DAY_MS),
    ]
    assert [email.job_id for email in result.emails] == [record.id for record in client.recorded]


@pytest.mark.parametrize(
    ("tier", "expected"),
    [(Tier.STANDARD, [0, 3, 14, 30]), (Tier.VIP, [0, 1, 21, 30]), ("unheard-of", [0, 3, 14, 30])],
)
async def test_the_timing_is_that_of_the_users_tier(
    db: AsyncSession, client: RecordingClient, tier: str, expected: list[float]
) -> None:
    """VIP users hear from us sooner; a tier that isn't known is standard."""
    await onboard(db, tier=tier)
    assert days(client) == expected


async def test_a_timing_in_the_payload_wins(db: AsyncSession, client: RecordingClient) -> None:
    """Durations as people write them; what it leaves out is standard."""
    timing = Timing(get_started="12h", trial_expiring=timedelta(days=20))
    await onboard(db, OnboardTeam(user_id="user_123", timing=timing), tier=Tier.VIP)
    assert days(client) == [0, 0.5, 20, 30]


async def test_a_timing_from_node_is_read_in_camel_case_and_milliseconds(
    db: AsyncSession, client: RecordingClient
) -> None:
    """What a Node producer writes into the job."""
    db.add(a_user(a_team()))
    await db.commit()
    timing: dict[str, JsonValue] = {"getStarted": 100, "trialExpiring": "2s", "trialEnded": 3000}
    await onboard_team_job.execute(FakeJob({"userId": "user_123", "timing": timing}), db)
    assert [record.options.delay for record in client.recorded] == [0, 100, 2_000, 3_000]


async def test_a_variant_in_the_payload_wins_and_goes_on_to_each_email(
    db: AsyncSession, client: RecordingClient
) -> None:
    """All four of one user are of one variant."""
    for variant in ("a", "b"):
        await run_again(db, OnboardTeam(user_id="user_123", variant=variant))
    variants = [record.request.data for record in client.recorded]
    assert [data["variant"] for data in variants if isinstance(data, dict)] == ["a"] * 4 + ["b"] * 4


async def run_again(db: AsyncSession, payload: OnboardTeam) -> OnboardTeamResult:
    await db.merge(a_user(a_team()))
    await db.commit()
    return await run_job(onboard_team_job, payload, db=db)


async def test_a_second_attempt_triggers_the_same_ids(db: AsyncSession, client: RecordingClient) -> None:
    """BullMQ adds nothing under an id that exists, so nobody gets an e-mail twice."""
    await run_again(db, OnboardTeam(user_id="user_123"))
    first = [record.id for record in client.recorded]
    await run_again(db, OnboardTeam(user_id="user_123"))
    assert [record.id for record in client.recorded] == first * 2
    assert len(set(first)) == 4


@pytest.mark.parametrize("user_id", ["user:1", "42", "a b", "användare"])
async def test_any_user_id_makes_ids_that_bullmq_takes(db: AsyncSession, client: RecordingClient, user_id: str) -> None:
    """No ":", and never a bare integer: `trigger` would refuse them."""
    db.add(a_user(user_id=user_id))
    await db.commit()
    await run_job(onboard_team_job, OnboardTeam(user_id=user_id), db=db)
    assert len({record.id for record in client.recorded}) == 4


async def test_an_attempt_that_breaks_off_is_completed_by_the_next(
    db: AsyncSession, client: RecordingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis went away after two of the four."""
    enqueue = client.enqueue

    async def two_only(request: object) -> str:
        if len(client.recorded) == 2:
            raise RedisUnavailableError("gone")
        return await enqueue(request)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - passed on

    monkeypatch.setattr(client, "enqueue", two_only)
    with pytest.raises(RedisUnavailableError):
        await run_again(db, OnboardTeam(user_id="user_123"))
    monkeypatch.undo()
    result = await run_again(db, OnboardTeam(user_id="user_123"))
    assert {record.id for record in client.recorded} == {email.job_id for email in result.emails}


async def test_progress_is_stored_after_each_email(db: AsyncSession, client: RecordingClient) -> None:
    """A quarter each."""
    db.add(a_user())
    await db.commit()
    job = FakeJob.of(onboard_team_job, {"userId": "user_123"})
    await onboard_team_job.execute(job, db)
    assert job.progress == [25, 50, 75, 100]


async def test_an_unknown_user_fails_at_once_and_triggers_nothing(db: AsyncSession, client: RecordingClient) -> None:
    """The reason says which user."""
    with pytest.raises(NonRetryableError, match="There is no user 'nobody'"):
        await run_job(onboard_team_job, {"userId": "nobody"}, db=db)
    client.assert_nothing_triggered()


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({}, "userId"),
        ({"userId": "u", "variant": "c"}, "variant"),
        ({"userId": "u", "timing": {"getStarted": "soon"}}, "timing.getStarted"),
        ({"userId": "u", "timing": {"trialEnded": -1}}, "timing.trialEnded"),
    ],
)
async def test_a_wrong_payload_is_refused_where_it_is_triggered(
    client: RecordingClient, payload: dict[str, object], path: str
) -> None:
    """The field's path is named, and nothing reaches Redis."""
    with pytest.raises(PayloadError, match=path):
        await onboard_team_job.trigger(payload)
    client.assert_nothing_triggered()
