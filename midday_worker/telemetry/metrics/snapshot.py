"""`Snapshot`: all metrics at one moment; those of several processes add up to those of their service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Self, TypeAlias

from pydantic import TypeAdapter

from midday_worker.telemetry.metrics.catalogue import INSTRUMENTS

Labels: TypeAlias = tuple[str, ...]
Values: TypeAlias = list[float]
"""One value; of a histogram its sum, and how many values were in each bucket."""

_FORM: Final[TypeAdapter[dict[str, list[tuple[Labels, Values]]]]] = TypeAdapter(dict[str, list[tuple[Labels, Values]]])


class Snapshot:
    """The values of metrics, by name and labels."""

    def __init__(self) -> None:
        self._series: dict[str, dict[Labels, Values]] = {}

    def add(self, name: str, labels: Labels, *values: float) -> None:
        """Add to what is there: sum up, or keep the larger where each process reads the same thing."""
        series = self._series.setdefault(name, {})
        before = series.get(labels)
        if before is None:
            series[labels] = list(values)
        elif INSTRUMENTS[name].is_same_for_all:
            series[labels] = [max(pair) for pair in zip(before, values, strict=True)]
        else:
            series[labels] = [sum(pair) for pair in zip(before, values, strict=True)]

    def include(self, other: Self) -> None:
        """Add all that another one holds."""
        for name, series in other:
            for labels, values in series.items():
                self.add(name, labels, *values)

    def counted(self) -> Snapshot:
        """Return what never goes down: counters and histograms."""
        kept = Snapshot()
        kept._series = {name: dict(series) for name, series in self if INSTRUMENTS[name].kind != "gauge"}
        return kept

    def __iter__(self) -> Iterator[tuple[str, Mapping[Labels, Values]]]:
        """Each metric's name, and its values by labels."""
        return iter(self._series.items())

    def dump(self) -> bytes:
        """Return it as JSON, in one line."""
        return _FORM.dump_json({name: list(series.items()) for name, series in self._series.items()})

    @classmethod
    def load(cls, text: bytes) -> Self:
        """Return what `dump` wrote."""
        loaded = cls()
        loaded._series = {name: dict(series) for name, series in _FORM.validate_json(text).items()}
        return loaded
