"""The onboarding sequence: one orchestrator and four e-mails. See the README beside this file."""

from midday_worker.jobs.onboarding.get_started_email import get_started_email_job
from midday_worker.jobs.onboarding.onboard_team import (
    OnboardTeam,
    OnboardTeamResult,
    ScheduledEmail,
    onboard_team_job,
)
from midday_worker.jobs.onboarding.onboarding_email import OnboardingEmail
from midday_worker.jobs.onboarding.sequence import Timing, Variant, variant_for
from midday_worker.jobs.onboarding.trial_ended_email import trial_ended_email_job
from midday_worker.jobs.onboarding.trial_expiring_email import trial_expiring_email_job
from midday_worker.jobs.onboarding.welcome_email import welcome_email_job

__all__ = [
    "OnboardTeam",
    "OnboardTeamResult",
    "OnboardingEmail",
    "ScheduledEmail",
    "Timing",
    "Variant",
    "get_started_email_job",
    "onboard_team_job",
    "trial_ended_email_job",
    "trial_expiring_email_job",
    "variant_for",
    "welcome_email_job",
]
