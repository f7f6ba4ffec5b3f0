from collections.abc import Callable, Mapping
from typing import ClassVar, TypeAlias

from bullmq.types import BackoffOptions

# attempts made, the backoff's type, the error, the job -> delay in milliseconds, or -1 for no more attempts
BackoffStrategy: TypeAlias = Callable[..., int]

class Backoffs:
    builtin_strategies: ClassVar[dict[str, Callable[[int], BackoffStrategy]]]
    @staticmethod
    def normalize(backoff: int | BackoffOptions | None) -> BackoffOptions | None: ...
    @staticmethod
    async def calculate(
        backoff: Mapping[str, object] | None,
        attempts_made: int,
        err: BaseException,
        job: object,
        customStrategy: BackoffStrategy | None,
    ) -> int | None: ...

def lookup_strategy(backoff: Mapping[str, object], custom_strategy: BackoffStrategy | None) -> BackoffStrategy: ...
