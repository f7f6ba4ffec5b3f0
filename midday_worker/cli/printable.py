"""Texts that anybody may have written, made fit for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return a text with what a terminal would obey, or turn around, written out.

    >>> print(printable("red: \\x1b[31m, turned: \\u202e, torn: \\udc80, kept: ä 人\\n"))
    red: \\x1b[31m, turned: \\u202e, torn: \\udc80, kept: ä 人
    <BLANKLINE>
    """
    return "".join(char if char.isprintable() or char in "\n\t" else _escaped(char) for char in text)


def one_line(text: str) -> str:
    """Return a text for a single line, its own lines joined."""
    return printable(" ".join(text.split()))


def _escaped(char: str) -> str:
    return (
        char.encode("unicode_escape", "surrogatepass").decode()
        if not 0xD800 <= ord(char) <= 0xDFFF
        else f"\\u{ord(char):x}"
    )
