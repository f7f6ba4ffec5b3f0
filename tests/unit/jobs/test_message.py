"""What `compose` makes of an e-mail: headers that hold, HTML that is escaped, text beside it."""

from __future__ import annotations

from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateNotFound, UndefinedError

import midday_worker.jobs.message as message_module
from midday_worker.jobs.address import mailbox
from midday_worker.jobs.message import Email, compose, message_id

SENDER = mailbox("hello@midday.example", "Midday")
APP_URL = "https://app.example.com/"
VALUES = {
    "name": "Kim",
    "team_name": "Acme",
    "inviter_name": "Åsa",
    "inviter_email": "asa@example.com",
    "recipient_email": "kim@example.com",
    "invite_code": "abc/d e",
}
TEMPLATES = [
    "welcome",
    "get_started",
    "get_started_checklist",
    "trial_expiring",
    "trial_ended",
    "team_invite",
]


def an_email(
    *,
    to: str = "kim@example.com",
    name: str | None = None,
    subject: str = "Welcome",
    template: str = "welcome",
    values: Mapping[str, str] = VALUES,
) -> Email:
    return Email(mailbox(to, name), subject, template, values, "welcome-email", "welcome-user_123")


def parsed(message: EmailMessage) -> EmailMessage:
    """The message as a mail program would read it."""
    read = message_from_bytes(message.as_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    return read


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


class Elements(HTMLParser):
    """The start tags and the attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        assert not any(name.startswith("on") for name, _ in attrs)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_renders_as_text_and_as_html(template: str) -> None:
    """Each pair exists, uses only values that the jobs give, and agrees on its links."""
    message = parsed(compose(an_email(template=template), SENDER, APP_URL))
    text, html = part(message, "plain"), part(message, "html")
    assert "<" not in text
    assert "{" not in text + html
    links = Elements(html).links
    assert links
    assert all(link in text for link in links)
    assert not any("//" in link.removeprefix("https://") for link in links)


def test_no_template_is_left_out_of_these_tests() -> None:
    """A template that is added is tested, or this fails."""
    folder = Path(message_module.__file__).parent / "templates"
    names = {path.stem for path in folder.iterdir() if not path.name.startswith("_")}
    assert names == set(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_hostile_name_is_text_in_the_html_part(template: str) -> None:
    """Markup in whatever a stranger typed stays text, in every template."""
    hostile = """</p><script>alert(1)</script><img src=x onerror="a()"><a href='https://evil.example'>{{ 7*7 }}"""
    values = {**VALUES, **dict.fromkeys(("name", "team_name", "inviter_name", "inviter_email"), hostile)}
    message = parsed(compose(an_email(template=template, values=values, subject=hostile), SENDER, APP_URL))
    elements = Elements(part(message, "html"))
    assert "script" not in elements.seen
    assert "img" not in elements.seen
    assert "https://evil.example" not in elements.links
    assert "49" not in part(message, "html")


def test_a_hostile_name_cannot_start_a_line_of_its_own_in_the_text_part() -> None:
    """A fake signature or a second message below the first."""
    values = {**VALUES, "name": "Kim\r\n\r\nYour password has expired"}
    text = part(parsed(compose(an_email(values=values), SENDER, APP_URL)), "plain")
    assert "Hi Kim Your password has expired," in text.splitlines()


def test_text_is_not_escaped_as_html() -> None:
    """An ampersand in a team's name is an ampersand in the text."""
    values = {**VALUES, "team_name": "Salt & Pepper"}
    message = parsed(compose(an_email(template="trial_ended", values=values), SENDER, APP_URL))
    assert "Salt & Pepper" in part(message, "plain")
    assert "Salt &amp; Pepper" in part(message, "html")


def test_a_value_that_a_template_lacks_is_an_error_and_not_a_gap() -> None:
    """Nobody gets "Hi ,"."""
    with pytest.raises(UndefinedError, match="'name' is undefined"):
        compose(an_email(values={}), SENDER, APP_URL)


def test_a_template_that_does_not_exist_is_named() -> None:
    """A misspelt template is found at the first test of the job."""
    with pytest.raises(TemplateNotFound, match=r"welcom\.txt"):
        compose(an_email(template="welcom"), SENDER, APP_URL)


def test_a_header_cannot_be_injected_through_a_subject_or_a_name() -> None:
    """The line break goes; what followed it is part of the text."""
    email = an_email(subject="Hi\r\nBcc: eve@example.com", name="Kim\nX-Evil: 1")
    message = parsed(compose(email, SENDER, APP_URL))
    assert message["Bcc"] is None
    assert message["X-Evil"] is None
    assert message["Subject"] == "Hi Bcc: eve@example.com"


# What encoded words are made of: RFC 2047's "=?charset?q?text?=", with line breaks in the text.
ENCODED = st.lists(
    st.sampled_from(
        ["=", "?", "=?", "?=", "utf-8", "?q?", "?b?", "=0D=0A", "DQpYOiAx", "Bcc:", " ", ",", "\x00", "é", "_"],
    ),
    max_size=30,
).map("".join)
WHOLE = st.tuples(
    ENCODED, st.sampled_from(["q?=0D=0ABcc:_eve=0D=0A=0D=0Ahi", "b?DQpCY2M6IGV2ZQ0KDQpoaQ=="]), ENCODED
).map(lambda parts: f"{parts[0]}=?utf-8?{parts[1]}?={parts[2]}")


@settings(max_examples=300)
@given(st.text(max_size=120) | ENCODED | WHOLE, st.text(max_size=300) | ENCODED | WHOLE)
def test_whatever_name_and_subject_there_is_one_recipient_and_no_new_header(name: str, subject: str) -> None:
    """For any text: the message as it is written has the headers it should have, and one recipient."""
    message = parsed(compose(an_email(name=name, subject=subject), SENDER, APP_URL))
    expected = {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    }
    assert set(message.keys()) == expected
    assert [address.addr_spec for address in message["To"].addresses] == ["kim@example.com"]


@pytest.mark.parametrize("name", ['"Kim, eve@example.com" ' * 4, "Åsa, <eve@example.com>, " * 4, "\\" * 90, "a," * 50])
def test_a_long_name_full_of_commas_stays_one_recipient(name: str) -> None:
    """Folding a long header must not turn a name into addresses."""
    message = parsed(compose(an_email(name=name), SENDER, APP_URL))
    assert [address.addr_spec for address in message["To"].addresses] == ["kim@example.com"]


def test_a_subject_beyond_ascii_arrives_as_it_was() -> None:
    """Encoded on the way, decoded by the mail program."""
    subject = "Välkommen till Midday, 山田さん 🎉"
    message = compose(an_email(subject=subject), SENDER, APP_URL)
    assert message.as_bytes().split(b"\r\n\r\n")[0].isascii()
    assert parsed(message)["Subject"] == subject


def test_an_address_beyond_ascii_is_written_as_utf_8() -> None:
    """RFC 6532: such an address has no ASCII form."""
    message = compose(an_email(to="åsa@exämple.se", name="Åsa"), SENDER, APP_URL)
    assert "åsa@xn--exmple-cua.se".encode() in message.as_bytes()


def test_each_attempt_at_a_job_has_the_same_message_id_and_other_jobs_have_others() -> None:
    """So that a mail program or a log shows the second copy for what it is."""
    first, again = compose(an_email(), SENDER, APP_URL), compose(an_email(subject="Other"), SENDER, APP_URL)
    assert first["Message-ID"] == again["Message-ID"] == message_id("welcome-email", "welcome-user_123", SENDER.domain)
    assert message_id("welcome-email", "a", "x.example") == "<welcome-email.ca978112ca1bbdcafac2@x.example>"
    others = {
        message_id("welcome-email", "b", "x.example"),
        message_id("trial-ended-email", "a", "x.example"),
    }
    assert len(others | {message_id("welcome-email", "a", "x.example")}) == 3


def test_a_long_message_id_survives_the_folding_of_its_header() -> None:
    """The standard library folds at 78 characters."""
    sender = mailbox(f"hello@{'a-rather-long-label.' * 4}example")
    message = compose(an_email(), sender, APP_URL)
    assert parsed(message)["Message-ID"] == message_id("welcome-email", "welcome-user_123", sender.domain)


def test_robots_are_asked_not_to_answer() -> None:
    """RFC 3834."""
    assert compose(an_email(), SENDER, APP_URL)["Auto-Submitted"] == "auto-generated"
