"""What users test their jobs with: triggers that are recorded, handlers that run without Redis."""

from midday_worker.testing.fake_job import FakeChild, FakeJob, child_failure, child_result
from midday_worker.testing.recorded import Recorded, RecordedSchedule
from midday_worker.testing.recording import RecordingClient, recording_client
from midday_worker.testing.run import run_job

__all__ = [
    "FakeChild",
    "FakeJob",
    "Recorded",
    "RecordedSchedule",
    "RecordingClient",
    "child_failure",
    "child_result",
    "recording_client",
    "run_job",
]
