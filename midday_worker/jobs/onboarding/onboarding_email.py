"""What the four onboarding e-mails have in common: their payload, and how content becomes an e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from midday_worker import JobContext, NonRetryableError, Payload
from midday_worker.jobs.address import mailbox
from midday_worker.jobs.message import Email
from midday_worker.jobs.models import User
from midday_worker.jobs.onboarding.sequence import Variant, variant_for


class OnboardingEmail(Payload):
    """Who gets the e-mail. `variant` keeps a user on the side of the A/B test where the sequence began."""

    user_id: str
    variant: Variant | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """One variant of an e-mail: its subject, and its template's name."""

    subject: str
    template: str


def write_email(
    user: User, data: OnboardingEmail, contents: Mapping[Variant, Content], ctx: JobContext, kind: str
) -> Email:
    """Return the e-mail to a user, in the variant that the payload names or else in the user's own.

    Raises:
        NonRetryableError: the user's address is not an e-mail address.
    """
    content = contents[data.variant or variant_for(user.id)]
    try:
        recipient = mailbox(user.email, user.full_name)
    except ValueError:
        # Without the cause: its text quotes the address, and reasons are kept and shown.
        raise NonRetryableError(f"What user {user.id!r} has as an e-mail address is not one.") from None
    values = {
        "name": user.full_name or "there",
        "team_name": user.team.name if user.team is not None else "your team",
    }
    return Email(recipient, content.subject, content.template, values, kind, str(ctx.job.id))
