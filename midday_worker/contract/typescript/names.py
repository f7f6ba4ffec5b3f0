"""Names that TypeScript takes, made of the names of jobs and types."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

_WORDS: Final = re.compile(r"[^A-Za-z0-9]+")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_TAKEN: Final = frozenset(
    {
        *("Array", "Boolean", "Date", "Error", "Function", "Map", "Number", "Object", "Promise", "Record", "Set"),
        *("String", "Symbol", "Job", "JobsOptions", "FlowJob", "Queue", "RegExp"),
    }
)


def pascal(name: str) -> str:
    """Return the name of a type.

    >>> pascal("invoice:send"), pascal("Page_int_"), pascal("2fa"), pascal("\u00e9"), pascal("Date")
    ('InvoiceSend', 'PageInt', 'Type2fa', 'TypeE9', 'DateType')
    """
    plain = "".join(each if each.isascii() else f"-{ord(each):x}-" for each in name)
    words = [word for word in _WORDS.split(plain) if word]
    found = "".join(word[0].upper() + word[1:] for word in words) or "Type"
    if not found[0].isalpha() or not name[:1].isascii():
        found = f"Type{found}"
    return f"{found}Type" if found in _TAKEN else found


def camel(name: str) -> str:
    """Return the first part of the name of a value that belongs to a type.

    >>> camel("InvoiceSend")
    'invoiceSend'
    """
    return name[0].lower() + name[1:]


def schema_name(name: str) -> str:
    """Return the name of a type's schema, which is no word of the language's.

    >>> schema_name("Delete")
    'deleteSchema'
    """
    return f"{camel(name)}Schema"


def unique(names: Iterable[str]) -> dict[str, str]:
    """Return a type's name for each name, numbered where two would have one.

    >>> unique(["send-mail", "send:mail"])
    {'send-mail': 'SendMail', 'send:mail': 'SendMail2'}
    """
    found: dict[str, str] = {}
    for name in names:
        wanted, number = pascal(name), 1
        while (made := wanted if number == 1 else f"{wanted}{number}") in found.values():
            number += 1
        found[name] = made
    return found


def key(name: str) -> str:
    """Return a property's name as it is written in an object.

    >>> key("userId"), key("x-id")
    ('userId', '"x-id"')
    """
    return name if _IDENTIFIER.fullmatch(name) else text(name)


def text(value: object) -> str:
    """Return a value as TypeScript has it."""
    return json.dumps(value, ensure_ascii=True)
