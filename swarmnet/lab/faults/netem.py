"""A bad line: what the host sends is delayed, lost, doubled, damaged or slowed down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from swarmnet.errors import LabError, UsageError
from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import KBIT, MILLISECONDS, PERCENT, Option, Options

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import HostRecord, LabRecord

_WHOLE = 100
_MOST_MS = 60_000
_PUT = 'modprobe --quiet sch_netem sch_tbf; exec tc qdisc replace dev eth0 root "$@"'
_TAKE_BACK = "tc qdisc delete dev eth0 root 2>/dev/null || true"

Share = Annotated[float | None, Field(gt=0, le=_WHOLE)]
Delay = Annotated[float | None, Field(gt=0, le=_MOST_MS)]


class LineOptions(Options):
    """How bad the line is."""

    delay_ms: Annotated[Delay, Option("such as 50ms", MILLISECONDS, name="delay")] = None
    jitter_ms: Annotated[Delay, Option("how much the delay varies", MILLISECONDS, name="jitter")] = None
    loss: Annotated[Share, Option("share of packets that are lost, such as 5%", PERCENT)] = None
    duplicate: Annotated[Share, Option("share of packets that arrive twice", PERCENT)] = None
    corrupt: Annotated[Share, Option("share of packets that are damaged", PERCENT)] = None
    rate_kbit: Annotated[int | None, Option("such as 500kbit or 10mbit", KBIT, name="rate"), Field(ge=1)] = None

    def shares(self) -> dict[str, float]:
        """Return the shares of packets that something happens to, by their name for ``tc``."""
        every = {"loss": self.loss, "duplicate": self.duplicate, "corrupt": self.corrupt}
        return {name: share for name, share in every.items() if share is not None}

    def only_slow(self) -> bool:
        """Return whether the line is slow at most: what hosts without an emulator can do, too."""
        return self.delay_ms is None and not self.shares()


class BadLine(Family[LineOptions]):
    """The kernel's network emulator on the host's ``eth0``: it affects what the host sends, not what it receives.

    It needs a kernel with ``sch_netem``: hosts with their own kernel have it. Where the machine's kernel does not
    have it, its hosts can only be slowed down (``--rate`` alone, by ``sch_tbf``).
    """

    kind = "netem"
    summary = "delay, lose, double, damage or slow down what the host sends (--delay, --jitter, --loss, ...)"
    example = "m1 netem --delay 50ms --jitter 5ms --loss 2%"
    options = LineOptions
    silences = frozenset({"ssh"})
    renewed = True

    def check(self, options: LineOptions, host: HostRecord, record: LabRecord) -> None:
        """Refuse no option at all, and jitter without delay."""
        del host, record
        if options.only_slow() and options.rate_kbit is None and options.jitter_ms is None:
            raise UsageError("`netem` needs --delay, --loss, --duplicate, --corrupt or --rate", hint=self.hint())
        if options.jitter_ms is not None and options.delay_ms is None:
            raise UsageError("--jitter varies a --delay, and there is no --delay", hint=self.hint())

    def describe(self, options: LineOptions) -> str:
        """Return everything that is wrong with the line."""
        delay = None if options.delay_ms is None else f"{options.delay_ms:g} ms delay"
        jitter = None if options.jitter_ms is None else f"{options.jitter_ms:g} ms jitter"
        words = {"loss": "lost", "duplicate": "doubled", "corrupt": "damaged"}
        shares = [f"{share:g} % {words[name]}" for name, share in options.shares().items()]
        rate = None if options.rate_kbit is None else f"at most {options.rate_kbit} kbit/s"
        return f"what it sends has {', '.join(part for part in (delay, jitter, *shares, rate) if part)}"

    def put(self, options: LineOptions, target: FaultTarget) -> None:
        """Put the emulator on eth0."""
        try:
            target.does(_PUT, "netem", *_netem_words(options), doing="make its line bad")
        except LabError as refused:
            if "kind is unknown" not in refused.message:
                raise
            self._slow_down_only(options, target, refused)

    @staticmethod
    def _slow_down_only(options: LineOptions, target: FaultTarget, refused: LabError) -> None:
        if not options.only_slow() or options.rate_kbit is None:
            raise LabError(
                f"{target.host.name}: this machine's kernel has no network emulator (sch_netem)",
                hint="bring the lab up with `--kernel own`; hosts of this kernel can only be slowed down: --rate alone",
            ) from refused
        burst = max(1600, options.rate_kbit // 8)
        words = ("tbf", "rate", f"{options.rate_kbit}kbit", "burst", f"{burst}b", "latency", "200ms")
        target.does(_PUT, *words, doing="slow its line down")

    def take_back(self, options: LineOptions, target: FaultTarget) -> None:
        """Give eth0 its plain queue back."""
        del options
        target.does(_TAKE_BACK, doing="set its line right")


def _netem_words(options: LineOptions) -> list[str]:
    words: list[str] = []
    if options.delay_ms is not None:
        words += ["delay", f"{options.delay_ms:g}ms"]
        words += [] if options.jitter_ms is None else [f"{options.jitter_ms:g}ms"]
    for name, share in options.shares().items():
        words += [name, f"{share:g}%"]
    return words if options.rate_kbit is None else [*words, "rate", f"{options.rate_kbit}kbit"]
