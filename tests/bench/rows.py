"""One row of the table: seconds of every contender, and the memory of swarmnet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bench.running import Spent

RIVALS = ("raw API", "ansible", "usual script")


@dataclass
class Row:
    """One work at one size: the seconds of each contender, and how many times swarmnet's they are."""

    work: str
    hosts: int
    overlays: int
    seconds: dict[str, float] = field(default_factory=dict)
    peak_mib: float | None = None
    """The most memory that swarmnet's process had."""
    per_host: float | None = None
    """Seconds that each host more costs swarmnet, next to the largest size before."""

    def took(self, contender: str, spent: Spent) -> None:
        """Enter what a contender needed."""
        self.seconds[contender] = spent.seconds
        if contender == "swarmnet":
            self.peak_mib = round(spent.peak_mib, 1)

    @property
    def ratios(self) -> dict[str, float]:
        own = self.seconds["swarmnet"]
        return {name: round(seconds / own, 2) for name, seconds in self.seconds.items() if name != "swarmnet"}


def header() -> str:
    """Return the table's first line."""
    rivals = "".join(f"{name:>22}" for name in RIVALS)
    return f"\n{'work':<20}{'hosts':>6}{'nets':>6}{'swarmnet':>11}{'memory':>10}{rivals}"


def line(row: Row) -> str:
    """Return one row of the table: how many times swarmnet's seconds each rival needs."""
    cells = [f"{row.seconds[n]:>9.2f} s ({row.ratios[n]:>6.2f}x)" if n in row.seconds else "" for n in RIVALS]
    memory = "" if row.peak_mib is None else f"{row.peak_mib:.0f} MiB"
    own = f"{row.work:<20}{row.hosts:>6}{row.overlays:>6}{row.seconds['swarmnet']:>9.2f} s{memory:>10}"
    more = "" if row.per_host is None else f"  {row.per_host:+.3f} s for each host more"
    return (own + "".join(f"{cell:>22}" for cell in cells)).rstrip() + more
