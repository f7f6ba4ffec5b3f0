"""Texts that anybody may have written, made fit for a terminal and for a log that people read."""

from __future__ import annotations

import re
from typing import Final

_OBEYED: Final = re.compile(
    # Controls of ASCII and of Latin-1, torn halves of characters, and what can't be seen or turns a line around.
    # The joiners stay: scripts and emoji are written with them.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_INDENT: Final = "    "


def printable(text: str) -> str:
    """Return a text with what a terminal would obey, or turn around, written out; its lines and tabs stay.

    >>> print(printable("red: \\x1b[31m, turned: \\u202e, torn: \\udc80, kept: ä 人\\n"))
    red: \\x1b[31m, turned: \\u202e, torn: \\udc80, kept: ä 人
    <BLANKLINE>
    """
    return _OBEYED.sub(_escaped, text)


def one_line(text: str) -> str:
    """Return a text for a single line, its own lines joined."""
    return printable(" ".join(text.split()))


def hanging(text: str) -> str:
    """Return a text of which only the first line begins at the margin, so that it can't forge another message.

    >>> print(hanging("no seat\\n12:00:00 INFO  all is well"))
    no seat
        12:00:00 INFO  all is well
    """
    return printable(text).replace("\n", f"\n{_INDENT}")


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
