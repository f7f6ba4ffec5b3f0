"""The mail settings, and the mailer's files. The SMTP side is tested against a real server."""

from __future__ import annotations

import email
from pathlib import Path

import aiosmtplib
import pytest
from pydantic import SecretStr, ValidationError

from midday_worker import ConfigurationError, NonRetryableError
from midday_worker.jobs.address import mailbox
from midday_worker.jobs.mail import DeliveryError, MailSettings, deliver, load_mail_settings, refusal
from midday_worker.jobs.message import Email, compose

SENDER = mailbox("hello@midday.example")


def an_email(to: str = "kim@example.com", job_id: str = "welcome-1") -> Email:
    return Email(mailbox(to), "Välkommen", "welcome", {"name": "Kim"}, "welcome-email", job_id)


def files(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def mode(directory: Path) -> int:
    return directory.stat().st_mode & 0o777


def test_without_any_setting_mail_goes_to_files() -> None:
    """A developer who sets nothing sends nothing."""
    settings = load_mail_settings()
    assert settings.environment == "development"
    assert not settings.by_smtp


@pytest.mark.parametrize(
    ("environment", "host", "delivery", "by_smtp"),
    [
        ("development", None, "auto", False),
        ("development", "smtp.example.com", "auto", False),
        ("development", "smtp.example.com", "smtp", True),
        ("staging", "smtp.example.com", "auto", True),
        ("production", "smtp.example.com", "auto", True),
        ("production", "smtp.example.com", "file", False),
        ("production", None, "auto", False),
        ("PRODUCTION", "smtp.example.com", "auto", True),
    ],
)
def test_mail_is_sent_outside_development_where_a_host_is_set(
    monkeypatch: pytest.MonkeyPatch, environment: str, host: str | None, delivery: str, by_smtp: bool
) -> None:
    """And `delivery` overrides both ways."""
    monkeypatch.setenv("ENVIRONMENT", environment)
    monkeypatch.setenv("MAIL_SMTP_HOST", host or "")
    monkeypatch.setenv("MAIL_DELIVERY", delivery)
    assert load_mail_settings().by_smtp is by_smtp


def test_every_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable has the name that the README gives."""
    variables = {
        "MAIL_SMTP_HOST": "smtp.example.com",
        "MAIL_SMTP_PORT": "2525",
        "MAIL_SMTP_USER": "kim",
        "MAIL_SMTP_PASSWORD": "hunter2",
        "MAIL_SMTP_TLS": "implicit",
        "MAIL_SMTP_TIMEOUT": "3s",
        "MAIL_FROM": "Acme <hello@example.com>",
        "MAIL_APP_URL": "https://acme.example.com",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = load_mail_settings()
    assert settings.smtp_port == 2525
    assert settings.smtp_timeout == 3_000
    assert settings.smtp_tls == "implicit"
    assert settings.sender == "Acme <hello@example.com>"
    assert settings.app_url == "https://acme.example.com"
    assert settings.smtp_password is not None
    assert settings.smtp_password.get_secret_value() == "hunter2"


def test_a_dotenv_file_is_read() -> None:
    """As the worker's own settings are; the environment goes before it."""
    Path(".env").write_text("MAIL_FROM=Dot <dot@example.com>\nMAIL_DIRECTORY=elsewhere\nREDIS_URL=redis://x\n")
    settings = load_mail_settings()
    assert settings.sender == "Dot <dot@example.com>"
    assert settings.directory.name == "mail"


def test_the_password_is_never_shown() -> None:
    """Not in the settings' text, and not in an error about them."""
    settings = MailSettings(smtp_user="kim", smtp_password=SecretStr("hunter2"))
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()
    with pytest.raises(ValidationError) as caught:
        MailSettings.model_validate({"smtp_password": "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MAIL_SMTP_PORT": "smtp"}, "MAIL_SMTP_PORT"),
        ({"MAIL_SMTP_PORT": "70000"}, "MAIL_SMTP_PORT"),
        ({"MAIL_SMTP_TLS": "yes"}, "MAIL_SMTP_TLS.*'starttls', 'implicit' or 'none'"),
        ({"MAIL_SMTP_TIMEOUT": "soon"}, "MAIL_SMTP_TIMEOUT.*soon"),
        ({"MAIL_FROM": "nobody"}, "MAIL_FROM.*is not an e-mail address"),
        ({"MAIL_APP_URL": "app.example.com"}, "MAIL_APP_URL"),
        ({"MAIL_DELIVERY": "smtp"}, "MAIL_SMTP_HOST is not set"),
        ({"MAIL_SMTP_PASSWORD": "hunter2"}, "belong together"),
        ({"ENVIRONMENT": "test"}, "ENVIRONMENT"),
    ],
)
def test_a_wrong_setting_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    """One error that says which variable and what is accepted, and shows no secret."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_mail_settings()
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


async def test_a_file_holds_the_whole_message(mail_directory: Path) -> None:
    """It opens in any mail program."""
    settings = load_mail_settings()
    message = compose(an_email(), SENDER, "https://app.example.com")
    delivery = await deliver(message, settings)
    assert delivery.by == "file"
    (path,) = files(mail_directory)
    assert str(path) == delivery.destination
    assert path.name.startswith("welcome-email.")
    assert email.message_from_bytes(path.read_bytes())["To"] == "kim@example.com"


async def test_the_files_are_their_owner_s_alone(mail_directory: Path) -> None:
    await deliver(compose(an_email(), SENDER, "https://app.example.com"), load_mail_settings())
    assert mode(mail_directory) == 0o700


async def test_a_second_attempt_replaces_the_first_ones_file(mail_directory: Path) -> None:
    """One job, one file; another job's is beside it."""
    settings = load_mail_settings()
    for job_id in ("welcome-1", "welcome-1", "welcome-2"):
        await deliver(compose(an_email(job_id=job_id), SENDER, "https://app.example.com"), settings)
    assert len(files(mail_directory)) == 2


async def test_an_address_beyond_ascii_is_written_to_a_file(mail_directory: Path) -> None:
    """As UTF-8, which is what RFC 6532 says."""
    await deliver(compose(an_email("åsa@example.se"), SENDER, "https://app.example.com"), load_mail_settings())
    (path,) = files(mail_directory)
    assert "To: åsa@example.se" in path.read_text(encoding="utf-8")


def test_a_dropped_connection_can_be_better_next_time() -> None:
    """What can't be brought about at will on a real server."""
    assert isinstance(refusal(aiosmtplib.SMTPServerDisconnected("gone")), DeliveryError)
    assert not isinstance(refusal(OSError("no route")), NonRetryableError)
