"""A bad line: what the host sends is delayed, lost, doubled, damaged or slowed down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import LabError, UsageError
from swarmnet.lab.faults.family import Family

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import Fault, LabRecord

_SHARES = ("loss", "duplicate", "corrupt")
_FIELDS = ("delay_ms", *_SHARES, "rate_kbit")
_WHOLE = 100
_MOST_MS = 60_000
_PUT = 'modprobe --quiet sch_netem sch_tbf; exec tc qdisc replace dev eth0 root "$@"'
_TAKE_BACK = "tc qdisc delete dev eth0 root 2>/dev/null || true"


class BadLine(Family):
    """The kernel's network emulator on the host's ``eth0``: it works on what the host sends, not on what it gets.

    It takes a kernel with ``sch_netem``: hosts with a kernel of their own have it. Where the machine's kernel has
    none, its hosts can only be slowed down (``--rate`` alone, by ``sch_tbf``).
    """

    kind = "netem"
    told = "delay, lose, double, damage or slow down what the host sends (--delay, --jitter, --loss, ...)"
    takes = frozenset({*_FIELDS, "jitter_ms"})
    silences = frozenset({"ssh"})
    renewed = True

    def check(self, fault: Fault, record: LabRecord) -> None:
        """Refuse nothing at all, jitter without delay, and numbers that no line has."""
        del record
        example = "for example: break m1 netem --delay 50ms --jitter 5ms --loss 2%"
        if all(getattr(fault, field) is None for field in _FIELDS):
            raise UsageError("`netem` needs --delay, --loss, --duplicate, --corrupt or --rate", hint=example)
        if fault.jitter_ms is not None and fault.delay_ms is None:
            raise UsageError("--jitter varies a --delay, and none is given", hint=example)
        for field in _SHARES:
            share = getattr(fault, field)
            if share is not None and not 0 < share <= _WHOLE:
                raise UsageError(
                    f"--{field} {share:g}% is no share of packets", hint="choose more than 0 % and at most 100 %"
                )
        for milliseconds in (fault.delay_ms, fault.jitter_ms):
            if milliseconds is not None and not 0 < milliseconds <= _MOST_MS:
                raise UsageError(f"a delay of {milliseconds:g} ms cannot be made", hint="choose up to 60 s")
        if fault.rate_kbit is not None and fault.rate_kbit < 1:
            raise UsageError("--rate must be 1kbit or more", hint=example)

    def describe(self, fault: Fault) -> str:
        """Say all that is wrong with the line."""
        delay = None if fault.delay_ms is None else f"{fault.delay_ms:g} ms delay"
        jitter = None if fault.jitter_ms is None else f"{fault.jitter_ms:g} ms jitter"
        told = {"loss": "lost", "duplicate": "doubled", "corrupt": "damaged"}
        shares = [f"{value:g} % {told[name]}" for name in _SHARES if (value := getattr(fault, name)) is not None]
        rate = None if fault.rate_kbit is None else f"at most {fault.rate_kbit} kbit/s"
        return f"what it sends has {', '.join(part for part in (delay, jitter, *shares, rate) if part)}"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Put the emulator on eth0."""
        try:
            place.does(_PUT, "netem", *_netem_words(fault), doing="make its line bad")
        except LabError as refused:
            if "kind is unknown" not in refused.message:
                raise
            self._slow_down_only(fault, place, refused)

    @staticmethod
    def _slow_down_only(fault: Fault, place: FaultTarget, refused: LabError) -> None:
        if any(getattr(fault, field) is not None for field in _FIELDS if field != "rate_kbit"):
            raise LabError(
                f"{place.host.name}: this machine's kernel has no network emulator (sch_netem)",
                hint="bring the lab up with `--kernel own`; hosts of this kernel can only be slowed down: --rate alone",
            ) from refused
        burst = max(1600, (fault.rate_kbit or 0) // 8)
        words = ("tbf", "rate", f"{fault.rate_kbit}kbit", "burst", f"{burst}b", "latency", "200ms")
        place.does(_PUT, *words, doing="slow its line down")

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Give eth0 its plain queue back."""
        del fault
        place.does(_TAKE_BACK, doing="set its line right")


def _netem_words(fault: Fault) -> list[str]:
    words: list[str] = []
    if fault.delay_ms is not None:
        words += ["delay", f"{fault.delay_ms:g}ms"]
        words += [] if fault.jitter_ms is None else [f"{fault.jitter_ms:g}ms"]
    for name in _SHARES:
        share = getattr(fault, name)
        words += [] if share is None else [name, f"{share:g}%"]
    return words if fault.rate_kbit is None else [*words, "rate", f"{fault.rate_kbit}kbit"]
