"""The mailer against a real SMTP server: what arrives, and which refusals are final."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from midday_worker import NonRetryableError
from midday_worker.jobs.address import mailbox
from midday_worker.jobs.mail import DeliveryError, deliver
from midday_worker.jobs.message import Email, compose
from tests.integration.jobs.certificate import write_certificate
from tests.integration.jobs.post_office import PostOffice, Step, post_office

SENDER = mailbox("hello@midday.example", "Midday")


def an_email(to: str = "kim@example.com", subject: str = "Välkommen, Kim 🎉", name: str = "Kim Ågren") -> Email:
    return Email(mailbox(to, name), subject, "welcome", {"name": "Kim"}, "welcome-email", "welcome-1")


def encoded_word(encoding: str, charset: str) -> str:
    """A header, a blank line and a body, as RFC 2047 writes them in one word."""
    attack = "x\r\nBcc: eve@example.com\r\n\r\nEverybody, pay here"
    if encoding == "q":
        text = "".join(f"={byte:02X}" for byte in attack.encode())
    else:
        text = base64.b64encode(attack.encode()).decode()
    return f"=?{charset}?{encoding}?{text}?="


async def send(office: PostOffice, email: Email | None = None, **settings: object) -> None:
    message = compose(email or an_email(), SENDER, "https://app.example.com")
    delivery = await deliver(message, office.settings(**settings))
    assert delivery.by == "smtp"
    assert delivery.destination == "localhost"


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    async with post_office() as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL reads the certificates that it trusts from here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


async def test_a_message_arrives_whole(office: PostOffice) -> None:
    """Envelope, headers, text and HTML, with letters beyond ASCII."""
    await send(office)
    (envelope,), (message,) = office.envelopes, office.messages
    assert envelope.mail_from == "hello@midday.example"
    assert envelope.rcpt_tos == ["kim@example.com"]
    assert message["From"] == "Midday <hello@midday.example>"
    assert message["To"].addresses[0].display_name == "Kim Ågren"
    assert message["Subject"] == "Välkommen, Kim 🎉"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    "hostile",
    [
        encoded_word("q", "utf-8"),
        encoded_word("b", "utf-8"),
        encoded_word("B", "iso-8859-1*en"),
        # Two that mean nothing until they stand side by side, and one that more stands around.
        f"{encoded_word('q', 'utf-8')} {encoded_word('b', 'utf-8')}",
        f"Åsa{encoded_word('q', 'utf-8')}, of {'a long name ' * 8}",
    ],
)
async def test_an_encoded_word_of_a_stranger_arrives_as_the_text_that_it_is(office: PostOffice, hostile: str) -> None:
    """Subject and names: the standard library would decode it, and write the line breaks in it into the mail."""
    sender = mailbox("hello@midday.example", hostile)
    await deliver(compose(an_email(), SENDER, "https://app.example.com"), office.settings())
    message = compose(an_email(subject=hostile, name=hostile), sender, "https://app.example.com")
    await deliver(message, office.settings())
    (harmless, arrived), (envelope_before, envelope) = office.messages, office.envelopes
    assert arrived.keys() == harmless.keys()
    assert [part.get_content_type() for part in arrived.walk()] == [part.get_content_type() for part in harmless.walk()]
    assert (envelope.mail_from, envelope.rcpt_tos) == (envelope_before.mail_from, envelope_before.rcpt_tos)
    assert isinstance(envelope.content, bytes)
    assert b"Everybody" not in envelope.content.split(b"\r\n\r\n")[0]
    assert arrived["Subject"] == hostile.replace("=?", "= ?")[:200].rstrip()


async def test_a_domain_beyond_ascii_needs_nothing_of_the_server() -> None:
    """It travels in its ASCII form."""
    async with post_office(utf8=False) as office:
        await send(office, an_email("kim@bücher.example"))
    assert office.envelopes[0].rcpt_tos == ["kim@xn--bcher-kva.example"]


async def test_an_address_beyond_ascii_arrives_where_the_server_takes_it(office: PostOffice) -> None:
    """By SMTPUTF8."""
    await send(office, an_email("åsa@example.se"))
    assert office.envelopes[0].rcpt_tos == ["åsa@example.se"]
    content = office.envelopes[0].content
    assert isinstance(content, bytes)
    assert "<åsa@example.se>".encode() in content


async def test_an_address_beyond_ascii_is_final_where_the_server_does_not_take_it() -> None:
    """No further attempt will change the server."""
    async with post_office(utf8=False) as office:
        with pytest.raises(NonRetryableError, match="SMTPUTF8"):
            await send(office, an_email("åsa@example.se"))
    assert office.envelopes == []


@pytest.mark.parametrize(
    ("step", "answer", "reason"),
    [
        ("RCPT", "550 5.1.1 no such mailbox", "refuses the recipient: 550 5.1.1 no such mailbox"),
        ("RCPT", "553 5.1.3 bad address", "refuses the recipient: 553"),
        ("DATA", "554 5.7.1 looks like spam", "refuses the message: 554"),
    ],
)
async def test_a_permanent_refusal_of_recipient_or_message_is_final(
    office: PostOffice, step: Step, answer: str, reason: str
) -> None:
    """The job fails without further attempts, and says what the server said."""
    office.answers[step] = [answer]
    with pytest.raises(NonRetryableError, match=reason):
        await send(office)
    assert office.envelopes == []


@pytest.mark.parametrize(
    ("step", "answer", "reason"),
    [
        ("RCPT", "450 4.2.1 try again later", "defers the recipient: 450"),
        ("DATA", "451 4.3.0 no space", "answered 451"),
        ("MAIL", "421 4.3.2 shutting down", "answered 421"),
        # About us, not about the recipient: somebody can put it right while the job waits.
        ("MAIL", "550 5.7.1 sender not allowed", "answered 550"),
    ],
)
async def test_another_refusal_may_be_better_at_the_next_attempt(
    office: PostOffice, step: Step, answer: str, reason: str
) -> None:
    """And the next attempt sends the same message, under the same Message-ID."""
    office.answers[step] = [answer]
    with pytest.raises(DeliveryError, match=reason):
        await send(office)
    await send(office)
    assert office.messages[0]["Message-ID"].startswith("<welcome-email.")


async def test_a_server_that_is_away_may_be_back_at_the_next_attempt(office: PostOffice) -> None:
    """Nobody listens on the port any more."""
    async with post_office() as gone:
        pass
    with pytest.raises(DeliveryError, match="can't be reached"):
        await send(gone)
    await send(office)


async def test_a_silent_server_is_given_up_after_the_timeout(office: PostOffice) -> None:
    """It accepts the connection and says nothing."""
    closed = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        closed.set()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with asyncio.timeout(5), silent:
        with pytest.raises(DeliveryError, match="can't be reached"):
            await send(office, smtp_port=silent.sockets[0].getsockname()[1], smtp_timeout="200ms")
        await closed.wait()


@pytest.mark.usefixtures("trusted")
async def test_the_password_goes_through_tls_that_the_server_starts(server_tls: ssl.SSLContext) -> None:
    """STARTTLS, then the login, then the message."""
    async with post_office(starttls=server_tls) as office:
        await send(office, smtp_tls="starttls", smtp_user="kim", smtp_password="open sesame")
    assert office.logins == [(b"kim", b"open sesame")]
    assert len(office.messages) == 1


@pytest.mark.usefixtures("trusted")
async def test_a_wrong_password_is_not_the_recipients_fault(server_tls: ssl.SSLContext) -> None:
    """Somebody can mend it while the job waits for its next attempt; the error doesn't show it."""
    async with post_office(starttls=server_tls) as office:
        with pytest.raises(DeliveryError, match="answered 535") as caught:
            await send(office, smtp_tls="starttls", smtp_user="kim", smtp_password="hunter2")
    assert "hunter2" not in str(caught.value)
    assert office.envelopes == []


@pytest.mark.usefixtures("trusted")
async def test_tls_from_the_first_byte(server_tls: ssl.SSLContext) -> None:
    """What port 465 speaks."""
    async with post_office(implicit=server_tls) as office:
        await send(office, smtp_tls="implicit")
    assert len(office.messages) == 1


async def test_a_certificate_that_nobody_vouches_for_is_refused(server_tls: ssl.SSLContext) -> None:
    """The server may be anyone."""
    async with post_office(starttls=server_tls) as office:
        with pytest.raises(DeliveryError, match="certificate verify failed"):
            await send(office, smtp_tls="starttls", smtp_user="kim", smtp_password="open sesame")
    assert office.logins == []


async def test_a_server_without_tls_gets_neither_password_nor_message(office: PostOffice) -> None:
    """ "starttls" is a demand: somebody on the way may have hidden the server's offer."""
    with pytest.raises(DeliveryError, match="STARTTLS"):
        await send(office, smtp_tls="starttls", smtp_user="kim", smtp_password="hunter2")
    with pytest.raises(DeliveryError, match="STARTTLS"):
        await send(office, smtp_tls="starttls")
    assert office.logins == []
    assert office.envelopes == []
