"""What is wrong with contracts, and with the schemas that are imported."""

from __future__ import annotations

from midday_worker.errors.root import MiddayWorkerError


class ContractError(MiddayWorkerError):
    """A contract can't be read or written, or a schema can't be imported; the message names the file and the place."""
