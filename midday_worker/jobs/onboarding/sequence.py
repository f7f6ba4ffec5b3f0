"""The sequence: when each e-mail goes out, and which of the two variants a user gets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BeforeValidator, ConfigDict, WithJsonSchema

from midday_worker import Duration, Payload, to_milliseconds
from midday_worker.jobs.models import Tier

Delay: TypeAlias = Annotated[
    Duration,
    BeforeValidator(to_milliseconds),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]}),
]
"""Milliseconds, "3d" or a `timedelta` on the way in; milliseconds from there on."""

Variant: TypeAlias = Literal["a", "b"]
"""One side of the A/B test: "a" tells, "b" gives a checklist."""

EXPERIMENT: Final = "onboarding-tone"
"""Part of the hash: another name draws the two groups anew."""


class Timing(Payload):
    """How long after sign-up each e-mail goes out."""

    model_config = ConfigDict(frozen=True, validate_default=True)

    welcome: Delay = 0
    get_started: Delay = "3d"
    trial_expiring: Delay = "14d"
    trial_ended: Delay = "30d"

    def scaled(self, factor: float) -> Self:
        """Return the same timing, faster or slower: `scaled(1 / 86_400)` lets a day pass in a second."""
        delays = {name: round(to_milliseconds(delay) * factor) for name, delay in self}
        return type(self).model_validate(delays)


STANDARD: Final = Timing()
VIP: Final = Timing(get_started="1d", trial_expiring="21d")
TIMINGS: Final[Mapping[str, Timing]] = {Tier.STANDARD: STANDARD, Tier.VIP: VIP}


def timing_for(tier: str) -> Timing:
    """Return a tier's timing; a tier that isn't known has the standard one."""
    return TIMINGS.get(tier, STANDARD)


def variant_for(user_id: str) -> Variant:
    """Return the user's variant: the same in each process and on each day, half the users in each.

    >>> variant_for("user_123") == variant_for("user_123")
    True
    """
    digest = hashlib.sha256(f"{EXPERIMENT}/{user_id}".encode("utf-8", "backslashreplace")).digest()
    return "b" if digest[0] % 2 else "a"
