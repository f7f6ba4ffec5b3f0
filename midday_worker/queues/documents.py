"""An example of a queue with settings of its own: few at a time, slowly, patiently.

Use it with ``@job("classify-document", queue=documents)``.
"""

from typing import Final

from midday_worker.queues import RateLimit, queue

documents: Final = queue(
    "documents",
    concurrency=3,
    rate_limit=RateLimit(max=60, per="1m"),
    attempts=5,
    backoff={"type": "exponential", "delay": "10s", "jitter": 0.5},
    timeout="10m",
)
