"""E-mail addresses and names, made safe for a header."""

from __future__ import annotations

import re
import unicodedata
from email.headerregistry import Address
from email.utils import getaddresses
from typing import Final

_MAX_NAME: Final = 100
_MAX_LOCAL_PART: Final = 64
_MAX_ADDRESS: Final = 254
# RFC 5321's dot-string with RFC 6531's non-ASCII letters. Quoted local parts are legal and in no one's use. None that
# begins an encoded word (RFC 2047), as in `one_line`.
_LOCAL_PART: Final = re.compile(r"(?!.*=\?)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
# What must be quoted in a name. The standard library can lose the quotes where it folds a long header, and a name
# with commas becomes a list of addresses (python/cpython#80222, mended during 3.11's life): so these go.
_NAME_SPECIALS: Final = re.compile(r'[()<>\[\]:;@\\,"]')
_BIDI_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(text: str) -> str:
    """Return `text` as one line that can stand in a header or a sentence, and can't become anything else.

    Line breaks, control characters, lone surrogates and the marks that reverse the direction of writing go. What begins
    an encoded word is parted by a space: the standard library decodes one that it is given as text, and CPython before
    3.11.10 and 3.12.5 then writes the line breaks in it as they are (python/cpython#121650).

    >>> one_line("Acme\\r\\nBcc: everyone@example.com"), one_line("=?utf-8?q?=0D=0ABcc:?=")
    ('Acme Bcc: everyone@example.com', '= ?utf-8?q?=0D=0ABcc:?=')
    """
    kept = "".join(" " if _breaks_a_line(character) else character for character in text)
    return " ".join(kept.replace("=?", "= ?").split())


def mailbox(address: str, name: str | None = None) -> Address:
    """Return one address, its domain in ASCII, with the name that is shown beside it, less its punctuation.

    Raises:
        ValueError: it isn't one plain address. Nothing is guessed: a mended address may be a stranger's.

    >>> str(mailbox("kim@bücher.example", "Kim"))
    'Kim <kim@xn--bcher-kva.example>'
    """
    local_part, at, domain = address.rpartition("@")
    if not at or len(local_part) > _MAX_LOCAL_PART or not _LOCAL_PART.fullmatch(local_part):
        raise ValueError(f"{address!r} is not an e-mail address")
    ascii_domain = _ascii_domain(domain)
    if ascii_domain is None or len(local_part) + len(ascii_domain) >= _MAX_ADDRESS:
        raise ValueError(f"{address!r} is not an e-mail address: its domain is wrong")
    shown = one_line(_NAME_SPECIALS.sub(" ", name or ""))[:_MAX_NAME].rstrip()
    return Address(shown, local_part, ascii_domain)


def parse_sender(text: str) -> Address:
    """Read an address as people write it: "Midday <hello@example.com>" or only the address.

    Raises:
        ValueError: there is not exactly one address in it.
    """
    found = getaddresses([text])
    if len(found) != 1:
        raise ValueError(f"{text!r} is not an e-mail address, but {len(found)}")
    name, address = found[0]
    return mailbox(address, name)


def _breaks_a_line(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _BIDI_CONTROLS


def _ascii_domain(domain: str) -> str | None:
    try:
        encoded = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    labels = encoded.split(".")
    return encoded if len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) else None
