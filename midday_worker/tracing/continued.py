"""Going on with a trace in another process."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def continued(carrier: str | None) -> Generator[None]:
    """Let the spans of a block be below the one that a carrier names; without a carrier it does nothing."""
    if carrier is None:
        yield
        return
    from opentelemetry import context  # an extra, which the process that sent the carrier has

    from midday_worker.tracing.carrier import context_of

    token = context.attach(context_of(carrier))
    try:
        yield
    finally:
        context.detach(token)
