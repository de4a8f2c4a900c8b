"""The text format of Prometheus, read as strictly as ``promtool check metrics`` reads it."""

from __future__ import annotations

import re

SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} (-?[0-9.]+(?:e[+-]?[0-9]+)?)')
FORBIDDEN = ("_total", "_count", "_sum", "_bucket", "_info", "milli", "minutes", "hours", "_gauge", "kilo", "percent")
"""What promtool complains of in gauges: suffixes of other types, units that are not base units."""
UNITS = re.compile(r"_(seconds|bytes|ratio|celsius)(?=_.)")
"""A unit that is not at the end of its name."""


def series_of(text: str) -> dict[tuple[str, str], float]:
    """Return the value of each series by its name and labels; fail where promtool would."""
    assert text.endswith("\n")
    series: dict[tuple[str, str], float] = {}
    described: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            _hash, kind, name, rest = line.split(" ", 3)
            assert kind not in described.get(name, [])
            described.setdefault(name, []).append(kind)
            assert rest
            continue
        found = SAMPLE.fullmatch(line)
        assert found, line
        name, labels, value = found.groups()
        assert described[name] == ["HELP", "TYPE"]
        assert list(described)[-1] == name, "the samples of a metric are one group"
        assert (name, labels) not in series
        series[name, labels] = float(value)
        assert not any(word in name for word in FORBIDDEN)
        assert not UNITS.search(name.replace("_timestamp_seconds", ""))
    assert len(described) == len({name for name, _labels in series})
    return series
