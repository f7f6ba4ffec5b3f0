# Types of bullmq 3.4.4, read from its source, for what a program on the Redis store uses. With the PostgreSQL
# store some attributes that are never None here (client, scripts, keys, redisConnection) may be None.
from bullmq.abort_controller import AbortController as AbortController
from bullmq.abort_controller import AbortError as AbortError
from bullmq.abort_controller import AbortSignal as AbortSignal
from bullmq.custom_errors import DelayedError as DelayedError
from bullmq.custom_errors import UnrecoverableError as UnrecoverableError
from bullmq.custom_errors import WaitingChildrenError as WaitingChildrenError
from bullmq.flow_producer import FlowProducer as FlowProducer
from bullmq.job import Job as Job
from bullmq.job_scheduler import JobScheduler as JobScheduler
from bullmq.lock_manager import LockManager as LockManager
from bullmq.queue import Queue as Queue
from bullmq.queue_events import QueueEvents as QueueEvents
from bullmq.queue_events_producer import QueueEventsProducer as QueueEventsProducer
from bullmq.worker import Worker as Worker

__version__: str
__author__: str
__credits__: str
