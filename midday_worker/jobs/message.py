"""The message: what a job wants to say, turned into headers, text and HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from midday_worker.jobs.address import one_line

# Short enough for a Message-ID that isn't folded: not every mail program reads a folded one.
_HASH_LENGTH: Final = 20
_MAX_SUBJECT: Final = 200


@dataclass(frozen=True, slots=True)
class Email:
    """One e-mail before it is rendered.

    Attributes:
        to: the recipient.
        subject: plain text; it is brought to one line.
        template: the name of a pair in `templates/`, without `.html` and `.txt`.
        values: what the template uses beside `app_url` and `subject`; one line each, escaped in HTML.
        kind: which of our e-mails it is, such as "welcome-email".
        job_id: the job that sends it. With `kind` it makes the Message-ID, the same at each attempt.
    """

    to: Address
    subject: str
    template: str
    values: Mapping[str, str]
    kind: str
    job_id: str


def compose(email: Email, sender: Address, app_url: str) -> EmailMessage:
    """Render an e-mail: a text and an HTML part, and a Message-ID that each attempt shares.

    Args:
        email: what to say to whom.
        sender: the From address; its domain is the Message-ID's.
        app_url: what the links begin with.

    Raises:
        jinja2.UndefinedError: the template uses a value that was not given.
        jinja2.TemplateNotFound: there is no such template.
    """
    subject = one_line(email.subject)[:_MAX_SUBJECT].rstrip()
    values = {name: one_line(value) for name, value in email.values.items()}
    values |= {"app_url": app_url.rstrip("/"), "subject": subject}
    needs_utf8 = not (email.to.addr_spec + sender.addr_spec).isascii()
    message = EmailMessage(SMTPUTF8 if needs_utf8 else SMTP)
    message["From"] = sender
    message["To"] = email.to
    message["Subject"] = subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = message_id(email.kind, email.job_id, sender.domain)
    # RFC 3834: asks out-of-office robots not to answer.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_render(f"{email.template}.txt", values))
    message.add_alternative(_render(f"{email.template}.html", values), subtype="html")
    return message


def message_id(kind: str, job_id: str, domain: str) -> str:
    """Return the Message-ID of a job's e-mail: always the same, so that a second copy can be recognised.

    >>> message_id("welcome-email", "welcome-user_123", "midday.example")
    '<welcome-email.7283eba84166143f90f4@midday.example>'
    """
    digest = hashlib.sha256(job_id.encode("utf-8", "backslashreplace")).hexdigest()
    return f"<{kind}.{digest[:_HASH_LENGTH]}@{domain}>"


def _render(template: str, values: Mapping[str, str]) -> str:
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    """Return the one environment, which caches the compiled templates."""
    return Environment(
        loader=PackageLoader("midday_worker.jobs"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
