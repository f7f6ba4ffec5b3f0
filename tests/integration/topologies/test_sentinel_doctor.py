"""The doctor names the primary, its replicas and the sentinels."""

from __future__ import annotations

from midday_worker import JobClient, Settings
from midday_worker.admin import Expected, examine
from tests.integration.topologies import follow_jobs as jobs
from tests.sentinel_set import SentinelSet


async def test_the_doctor_names_primary_replicas_and_sentinels(sentinels: SentinelSet) -> None:
    primary = sentinels.primary
    settings = Settings(
        env_file=None, redis_url=sentinels.url.replace("://", "://nowhere.invalid,"), redis_prefix="doctor"
    )
    async with JobClient(settings) as client:
        await jobs.double.trigger(1, client=client)
        expected = Expected(prefix="doctor", largest=1_000, handled={}, declared={})
        found = await examine(client.connection, expected, client.queue)
    about = [finding for finding in found if finding.check in ("sentinels", "replicas")]
    texts = [finding.text for finding in about]
    assert [finding.grade for finding in about] == ["ok", "warn", "ok"], texts
    assert texts[0].startswith(f"mymaster is {primary.host}:{primary.port}; sentinels ")
    assert all(f"{each.host}:{each.port}" in texts[0] for each in sentinels.sentinels)
    assert texts[1].startswith("nowhere.invalid:26379 does not answer")
    assert texts[2] == ", ".join(
        sorted(f"{each.host}:{each.port}" for each in sentinels.servers if each is not primary)
    )
