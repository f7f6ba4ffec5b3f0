from asyncio import Future
from collections.abc import Awaitable, Callable

class Timer:
    interval: float
    args: tuple[object, ...]
    kwargs: dict[str, object]
    callback: Callable[..., Awaitable[object]]
    emit: Callable[..., object]
    _ok: bool
    _task: Future[None]
    def __init__(
        self,
        interval: float,
        callback: Callable[..., Awaitable[object]],
        emit_callback: Callable[..., object],
        *args: object,
        **kwargs: object,
    ) -> None: ...
    def stop(self) -> None: ...
