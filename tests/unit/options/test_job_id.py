"""Ids that no job can have: a job would overwrite what BullMQ keeps of its queue."""

from __future__ import annotations

import pytest
from bullmq.queue_keys import QueueKeys

from midday_worker import JobClient, OptionError, Settings
from midday_worker.options.job_id import RESERVED_IDS, check_known_id
from tests.unit.sample import pack


def test_every_key_that_bullmq_keeps_for_a_queue_is_reserved() -> None:
    assert RESERVED_IDS - set(QueueKeys().getKeys("q")) == {"limits"}
    assert set(QueueKeys().getKeys("q")) - {""} <= RESERVED_IDS


@pytest.mark.parametrize("job_id", ["", "meta", "wait", 7, None])
def test_a_handle_of_what_can_be_no_job_is_refused(job_id: str) -> None:
    with pytest.raises(OptionError, match="Option job_id is "):
        pack.handle(job_id, client=JobClient(Settings(env_file=None)))


@pytest.mark.parametrize("job_id", ["7", "repeat:daily:1700000000000", "order-1", "é x"])
def test_whatever_another_program_may_have_chosen_is_an_id(job_id: str) -> None:
    assert check_known_id(job_id) == job_id
