from typing import TypeAlias, TypedDict

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

# What json.loads returns, and what json.dumps takes.
JsonValue: TypeAlias = dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None

ConnectionOptions: TypeAlias = dict[str, object] | str | Redis | RedisCluster

class BackoffOptions(TypedDict, total=False):
    type: str
    delay: int
    jitter: float

class KeepJobs(TypedDict, total=False):
    age: int
    count: int

class DeduplicationOptions(TypedDict, total=False):
    id: str
    ttl: int
    extend: bool
    replace: bool
    keepLastIfActive: bool

class ParentOptions(TypedDict):
    id: str
    queue: str

class JobOptions(TypedDict, total=False):
    attempts: int
    backoff: int | BackoffOptions
    continueParentOnFailure: bool
    deduplication: DeduplicationOptions
    delay: int
    failParentOnFailure: bool
    ignoreDependencyOnFailure: bool
    jobId: str
    keepLogs: int
    lifo: bool
    parent: ParentOptions
    priority: int
    removeDependencyOnFailure: bool
    removeOnComplete: bool | int | KeepJobs
    removeOnFail: bool | int | KeepJobs
    stackTraceLimit: int
    timestamp: int

class RateLimiterOptions(TypedDict):
    max: int
    duration: int

class MetricsOptions(TypedDict):
    maxDataPoints: int

class QueueBaseOptions(TypedDict, total=False):
    backend: str
    connection: ConnectionOptions
    defaultJobOptions: JobOptions
    prefix: str
    skipVersionCheck: bool
    skipWaitingForReady: bool

class _WorkerOptions(TypedDict, total=False):
    autorun: bool
    backend: str
    connection: ConnectionOptions
    limiter: RateLimiterOptions
    metrics: MetricsOptions
    name: str
    prefix: str
    removeOnComplete: bool | int | KeepJobs
    removeOnFail: bool | int | KeepJobs
    skipVersionCheck: bool
    skipWaitingForReady: bool

class WorkerOptions(_WorkerOptions, total=False):
    concurrency: int
    drainDelay: int
    lockDuration: int
    lockRenewTime: int
    maxStalledCount: int
    runRetryDelay: int
    stalledInterval: int

# With the defaults that a worker fills in.
class FilledWorkerOptions(_WorkerOptions):
    concurrency: int
    drainDelay: int
    lockDuration: int
    lockRenewTime: int
    maxStalledCount: int
    runRetryDelay: int
    stalledInterval: int

class QueueEventsOptions(TypedDict, total=False):
    autorun: bool
    blockingTimeout: int
    connection: ConnectionOptions
    lastEventId: str
    prefix: str
    skipVersionCheck: bool

class QueueEventsProducerOptions(TypedDict, total=False):
    connection: ConnectionOptions
    prefix: str
    skipVersionCheck: bool

class RetryJobsOptions(TypedDict, total=False):
    count: int
    state: str
    timestamp: int

class PromoteJobsOptions(TypedDict, total=False):
    count: int

class RepeatOptions(TypedDict, total=False):
    count: int
    endDate: int | str | float
    every: int
    immediately: bool
    limit: int
    offset: int
    pattern: str
    startDate: int | str | float
    tz: str

class JobSchedulerTemplateJson(TypedDict, total=False):
    data: JsonValue
    opts: dict[str, object]

class JobSchedulerJson(TypedDict, total=False):
    endDate: int | None
    every: int
    id: str | None
    iterationCount: int
    key: str
    limit: int
    name: str | None
    next: int | None
    offset: int
    pattern: str | None
    startDate: int
    template: JobSchedulerTemplateJson
    tz: str | None
