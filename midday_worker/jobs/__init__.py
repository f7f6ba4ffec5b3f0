"""The jobs that ship: import them from here, run them with ``midday-worker run --import midday_worker.jobs``."""

from midday_worker import execute_job
from midday_worker.jobs.email_result import EmailResult, SkipReason
from midday_worker.jobs.onboarding import (
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
from midday_worker.jobs.team_invite import TeamInvite, team_invite_job

__all__ = [
    "EmailResult",
    "OnboardTeam",
    "OnboardTeamResult",
    "OnboardingEmail",
    "SkipReason",
    "TeamInvite",
    "Timing",
    "execute_job",
    "get_started_email_job",
    "onboard_team_job",
    "team_invite_job",
    "trial_ended_email_job",
    "trial_expiring_email_job",
    "welcome_email_job",
]
