"""Addresses and names come from strangers; what leaves `address` can stand in a header."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midday_worker.jobs.address import mailbox, one_line, parse_sender


def test_a_line_break_in_a_name_becomes_a_space() -> None:
    """The classic: a second header hidden behind a line break."""
    assert one_line("Acme\r\nBcc: all@example.com") == "Acme Bcc: all@example.com"


@pytest.mark.parametrize("mark", ["\x00", "\x1b", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\ud800"])
def test_what_breaks_a_line_or_turns_it_round_is_dropped(mark: str) -> None:
    """Control characters, Unicode's own line breaks, direction marks, lone surrogates."""
    assert one_line(f"a{mark}b") == "a b"


def test_letters_of_every_script_and_joined_emoji_stay() -> None:
    """Only what is dangerous goes."""
    text = "Åsa 山田 مريم 👩‍💻"
    assert one_line(text) == text


@given(st.text())
def test_whatever_goes_in_one_line_comes_out(text: str) -> None:
    """For any text at all: no line break, no control character, encodable."""
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not any(unicodedata.category(character) == "Cc" for character in line)
    line.encode()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("kim@example.com", "kim@example.com"),
        ("kim.o'neil+tag@mail.example.com", "kim.o'neil+tag@mail.example.com"),
        ("kim@bücher.example", "kim@xn--bcher-kva.example"),
        ("åsa@example.se", "åsa@example.se"),
    ],
)
def test_a_plain_address_is_taken_with_its_domain_in_ascii(address: str, expected: str) -> None:
    """Domains travel in their ASCII form; a local part stays as it is."""
    assert mailbox(address).addr_spec == expected


@pytest.mark.parametrize(
    "address",
    [
        "",
        "kim",
        "kim@",
        "@example.com",
        "kim@localhost",
        "kim@example..com",
        "kim@-example.com",
        "kim@example.com, eve@example.com",
        "kim@example.com\r\nBcc: eve@example.com",
        "kim@example.com\n",
        "kim eve@example.com",
        "Kim <kim@example.com>",
        "kim@eve@example.com",
        "kim..o@example.com",
        "kim@example.com> NOTIFY=NEVER",
        "kim\x00@example.com",
        "\ud800@example.com",
        "=?utf-8?q?kim=0D=0ABcc=3A_eve?=@example.com",
        "=?utf-8?b?a2ltDQpCY2M6IGV2ZQ==?=@example.com",
        f"{'k' * 65}@example.com",
        f"kim@{'a' * 64}.com",
        f"kim@{'.'.join(['abcdefghi'] * 26)}.com",
    ],
)
def test_what_is_not_one_plain_address_is_refused(address: str) -> None:
    """Nothing is guessed: a mended address is a stranger's."""
    with pytest.raises(ValueError, match="is not an e-mail address"):
        mailbox(address)


def test_a_name_beside_an_address_is_brought_to_one_line_and_to_a_sensible_length() -> None:
    """The name is shown, so it may be anything; it can't break out of its header."""
    shown = mailbox("kim@example.com", "Kim\r\nBcc: eve@example.com" + "!" * 500)
    assert shown.display_name.startswith("Kim Bcc eve example.com!")
    assert len(shown.display_name) == 100


def test_a_sender_is_read_with_or_without_a_name() -> None:
    """As people write it in a settings file."""
    assert str(parse_sender("Midday <hello@example.com>")) == "Midday <hello@example.com>"
    assert str(parse_sender("hello@example.com")) == "hello@example.com"


@pytest.mark.parametrize("text", ["", "Midday", "a@example.com, b@example.com", "Midday <hello>"])
def test_a_sender_without_exactly_one_address_is_refused(text: str) -> None:
    """Found when the settings are read, not at the first e-mail."""
    with pytest.raises(ValueError, match="is not an e-mail address"):
        parse_sender(text)
