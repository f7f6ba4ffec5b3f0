"""The version of a job's payload. The one place that asks a definition for it."""

from __future__ import annotations

from typing import NamedTuple

from midday_worker.definition.definition import JobDefinition


class Version(NamedTuple):
    """A payload's version, and whether older ones are brought up to it before they are validated."""

    number: int
    upcast: bool


def version_of(definition: JobDefinition[object, object]) -> Version:
    """Return a job's version: definitions have none of their own yet, so each is of version 1."""
    return Version(1, upcast=False)
