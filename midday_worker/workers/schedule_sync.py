"""`ScheduleSync`: brings the schedules in Redis to what the jobs of a service declare."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from loguru import logger

from midday_worker.client.client import JobClient
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.inspection.health import Heartbeat, beat
from midday_worker.engine.inspection.schedule_owners import LOCK_S, DeclaringProcess, Owner, ScheduleOwners
from midday_worker.engine.producer.schedule import (
    Schedule,
    find_schedule,
    remove_schedule,
)
from midday_worker.engine.redis.pause import pause_s
from midday_worker.engine.wire.options import encode_request
from midday_worker.errors import EngineError, InvalidInputError, RedisRefusedError
from midday_worker.settings.settings import Settings
from midday_worker.workers.schedule_change import ScheduleChange, Wanted, to_remove, to_write

FOLLOW_S: Final = 60.0
"""How often a process looks whether it has become the newest of its service."""
WAIT_S: Final = 5.0
"""How often it looks while something is to be removed, or a newer one is there."""


class ScheduleSync:
    """Brings the schedules in Redis to what the jobs of a registry declare.

    Args:
        registry: the jobs.
        settings: the service's name and environment, and how long what it doesn't declare any more stays.
        client: of the Redis.
        heartbeat: this worker's; None for who is no worker, and isn't there for long.
    """

    def __init__(
        self, registry: JobRegistry, settings: Settings, client: JobClient, heartbeat: Heartbeat | None = None
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._service = settings.service_name or ""
        self._client = client
        self._heartbeat = heartbeat
        self._due: dict[str, bool] = {}
        """Whether what is declared of a prefix still has to be written, once that is possible."""

    @property
    def is_needed(self) -> bool:
        """Whether there may be anything to do: a name, whose schedules may be gone by now, or a schedule."""
        return bool(self._service) or any(job.declared_schedules for job in self._registry)

    async def run(self) -> None:
        """Reconcile now, as long as it takes; then follow what becomes of the service's other processes."""
        if not self._service:
            logger.info("SERVICE_NAME is not set: schedules that jobs declare no longer are never removed")
        failures, starting = 0, True
        while True:
            try:
                changes = await self.reconcile(starting=starting)
            except EngineError as error:
                level = "WARNING" if isinstance(error, RedisRefusedError) and not failures else "DEBUG"
                logger.log(level, "the schedules are not reconciled yet: {error}", error=error)
                await asyncio.sleep(pause_s(failures))
                failures += 1
                continue
            for change in changes if starting else [each for each in changes if each.act in ("change", "remove")]:
                level = "WARNING" if change.act == "refuse" else "INFO"
                text = "schedule {id} of queue {queue}: {act}, {why}"
                logger.log(level, text, id=change.id, queue=change.queue, act=change.act, why=change.why)
            if not self._service and not any(self._due.values()):
                return
            failures, starting = 0, False
            waits = any(change.act == "wait" for change in changes) or any(self._due.values())
            shortest = max(0.1, min(WAIT_S, self._settings.schedules_grace / 1000))
            await asyncio.sleep(shortest if waits else FOLLOW_S)

    async def reconcile(self, *, starting: bool = True) -> list[ScheduleChange]:
        """Make, change and remove what has to be; return what was done, and what waits.

        Args:
            starting: write what is declared here, unless a process of the service that was started later declares
                something else. Otherwise that is done once such a process is gone.

        Raises:
            EngineError: Redis can't be reached, or refuses: begin anew.
        """
        changes: list[ScheduleChange] = []
        home, own = self._owners(self._settings.redis_prefix), self._prefixes()
        for prefix in sorted({*own, *await home.prefixes(self._service)}):
            if self._service:
                await home.note_prefix(self._service, prefix, used=True)
            found = await self._reconcile_at(prefix, starting=starting)
            if prefix not in own and all(change.act == "remove" for change in found):
                await home.note_prefix(self._service, prefix, used=False)
            changes += found
        return changes

    async def diff(self) -> list[ScheduleChange]:
        """Return what `reconcile` would do now."""
        changes: list[ScheduleChange] = []
        home = self._owners(self._settings.redis_prefix)
        for prefix in sorted({*self._prefixes(), *await home.prefixes(self._service)}):
            owned, living = await self._owners(prefix).read()
            wanted = self._wanted(prefix)
            passed, refused = await self._passed(wanted)
            changes += [*refused, *to_write(passed, await _stored(passed), owned, self._service)]
            changes += to_remove(wanted, owned, living, self._service, self._settings.schedules_grace)
        return changes

    async def _reconcile_at(self, prefix: str, *, starting: bool) -> list[ScheduleChange]:
        owners = self._owners(prefix)
        while True:
            try:
                async with owners.locked(), asyncio.timeout(LOCK_S * 0.8):
                    return await self._reconcile_locked(prefix, owners, starting=starting)
            except TimeoutError:  # there is much to write: what is written already needs no time in the next turn
                continue

    async def _reconcile_locked(self, prefix: str, owners: ScheduleOwners, *, starting: bool) -> list[ScheduleChange]:
        wanted = self._wanted(prefix)
        process = self._process(wanted)
        if process is not None:
            await self._join(owners, process)
        owned, living = await owners.read()
        superseded = process is not None and self._is_superseded(process, living)
        writes = not superseded and (starting or self._due.get(prefix, False))
        done = await self._write(owners, wanted, owned) if writes else []
        removals = to_remove(wanted, owned, living, self._service, self._settings.schedules_grace)
        await self._remove(owners, prefix, removals, owned)
        await owners.leave(self._service, [change.place for change in removals if change.act == "wait"])
        self._due[prefix] = superseded or any(change.act == "wait" for change in done)
        return [*done, *removals]

    async def _join(self, owners: ScheduleOwners, process: DeclaringProcess) -> None:
        if self._heartbeat is not None:  # so that no other process takes this one for gone
            connection = self._client.connection
            async with owners.bounded():
                await beat(connection, self._settings.redis_prefix, replace(self._heartbeat, beat_at=time.time()))
        await owners.join(process)

    async def _write(
        self, owners: ScheduleOwners, wanted: Sequence[Wanted], owned: Mapping[str, Owner]
    ) -> list[ScheduleChange]:
        passed, done = await self._passed(wanted)
        acts = {change.place: change for change in to_write(passed, await _stored(passed), owned, self._service)}
        for want in passed:
            change = acts.get(want.place)
            if change is not None and change.act == "refuse":
                done.append(change)
                continue
            # First whose it is: what breaks off in between is made the next time, and never somebody else's.
            if owned.get(want.place) != Owner(self._service):
                await owners.own(want.place, Owner(self._service))
            if change is not None:
                done.append(await self._written(want, change))
        return done

    async def _passed(self, wanted: Sequence[Wanted]) -> tuple[list[Wanted], list[ScheduleChange]]:
        """Return what middleware passes on, to be compared with what is stored; and what it refuses."""
        passed: list[Wanted] = []
        refused: list[ScheduleChange] = []
        for want in wanted:
            try:
                request = await self._client.schedule_request(want.id, want.request)
            except EngineError:
                raise
            except Exception as error:  # a user's middleware may raise anything; the others go on
                why = f"its middleware raised {type(error).__name__}: {error}"
                refused.append(ScheduleChange("refuse", want.queue.name, want.id, why))
            else:
                passed.append(replace(want, request=request))
        return passed, refused

    async def _written(self, want: Wanted, change: ScheduleChange) -> ScheduleChange:
        try:
            await self._client.write_schedule(want.id, want.when, want.request)
        except InvalidInputError as error:  # of this one: the others go on
            return replace(change, act="refuse", why=str(error))
        except TypeError as error:  # BullMQ's, while a run of it is under way
            return replace(change, act="wait", why=str(error))
        return change

    async def _remove(
        self, owners: ScheduleOwners, prefix: str, removals: Sequence[ScheduleChange], owned: Mapping[str, Owner]
    ) -> None:
        for change in removals:
            if change.act == "remove":
                await remove_schedule(self._client.queue_at(prefix, change.queue), change.id)
                await owners.forget(change.place)
            elif change.gone_ms != owned[change.place].gone_ms:
                await owners.own(change.place, Owner(self._service, change.gone_ms))

    def _is_superseded(self, process: DeclaringProcess, living: Sequence[DeclaringProcess]) -> bool:
        """Return whether a process of the service that was started later declares something else."""
        others = [each for each in living if each.service == process.service]
        newest = max(others, key=lambda each: (each.started_at, each.field), default=process)
        return newest.content != process.content

    def _process(self, wanted: Sequence[Wanted]) -> DeclaringProcess | None:
        if self._heartbeat is None or not self._service:
            return None
        content = json.dumps(
            [(each.place, each.when.encode(), each.request.text, encode_request(each.request)) for each in wanted]
        )
        return DeclaringProcess(
            service=self._service,
            prefix=self._settings.redis_prefix,
            host=self._heartbeat.host,
            pid=self._heartbeat.pid,
            started_at=self._heartbeat.started_at,
            declared=[each.place for each in wanted],
            content=hashlib.sha256(content.encode()).hexdigest()[:16],
        )

    def _prefixes(self) -> set[str]:
        own = {queue.prefix for queue in self._registry.queues if queue.prefix}
        return {self._settings.redis_prefix, *own}

    def _owners(self, prefix: str) -> ScheduleOwners:
        return ScheduleOwners(self._client.connection_of(prefix), prefix)

    def _wanted(self, prefix: str) -> list[Wanted]:
        found: list[Wanted] = []
        for job in self._registry:
            if (job.prefix or self._settings.redis_prefix) != prefix:
                continue
            queue = self._client.queue_at(prefix, job.queue)
            found += [
                Wanted.of(job, schedule, queue)
                for schedule in job.declared_schedules
                if not schedule.only or self._settings.environment in schedule.only
            ]
        return found


async def _stored(wanted: Sequence[Wanted]) -> dict[str, Schedule | None]:
    found = await asyncio.gather(*(find_schedule(want.queue, want.id) for want in wanted))
    return {want.place: schedule for want, schedule in zip(wanted, found, strict=True)}
