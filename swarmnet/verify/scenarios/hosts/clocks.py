"""Scenario: the clocks of all hosts agree, and the certificates of their nodes hold.

Engines take each other's certificates only within their time, which begins an hour before they are made: a clock that
is off by more shuts a node out when certificates are renewed. Engines renew theirs after half to four fifths of its
time; one that nears its end was not renewed, mostly since the node reaches no manager (swarmkit, ca/config.go).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from cryptography import x509

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims, keys
from swarmnet.verify.clock_skew import duration, right, skews, spoken
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import kernel_of, settings
from swarmnet.verify.scenario import PAIR, Answers, Findings, HostCommand, Question, Scenario, Setup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Claim

NODE = keys.command("certificate")
FILE = "swarm/certificates/swarm-node.crt"
"""A node's certificate below the engine's folder of state; its key is in another file."""
AGREE = 60.0
"""Seconds by which clocks may differ; answers of many hosts do not come at the same moment."""
BACKDATED = 3600.0
"""Seconds by which certificates begin before they are made."""
LATE = 0.1
"""Share of a certificate's time that is left when engines should have renewed it long ago."""
CLOCK_FIX = "let all hosts take the time from one source (systemctl status chronyd, or timedatectl set-ntp true)"


@dataclass(frozen=True, slots=True)
class Span:
    """When a certificate holds, in seconds since 1970."""

    begin: float
    end: float


class Clocks(Scenario):
    """The time of each kernel, and the certificate of each node."""

    name: ClassVar[str] = "clocks"
    summary: ClassVar[str] = "clocks of all hosts agree, and the certificates of their nodes hold"
    needs_observer: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask each kernel for its time, and read each node's certificate."""
        found: list[Question] = [settings(host) for host in setup.watched]
        for host in setup.watched:
            facts = setup.state.facts(host)
            root = facts.engine.data_root if facts else "/var/lib/docker"
            found.append(HostCommand(host, NODE.name, ("cat", f"{root}/{FILE}"), sudo=True))
        return tuple(found)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each clock that is off and each certificate that is over, else one for all."""
        times = {host: now for host in setup.watched if (now := _time(answers, host)) is not None}
        found = [*self._skewed(setup, times)]
        for host, now in times.items():
            span = _span(answers, host)
            found += [] if span is None else self._certificate(setup, host, now, span)
        if times and not found:
            detail = (
                f"the clocks of {count(len(times), 'host agrees', 'hosts agree')}, and the certificates of"
                " their nodes hold"
            )
            found = [self.verdict("hosts", Status.OK, detail)]
        return Findings(tuple(found))

    def _skewed(self, setup: Setup, times: Mapping[str, float]) -> Iterable[Verdict]:
        if len(times) < PAIR:
            return
        reference = right(times, apart=AGREE)
        for host, off in skews(times, apart=AGREE).items():
            is_shut_out = abs(off) >= BACKDATED
            what = f"the clock of {host} is {spoken(off)} that of {reference}"
            why = "other nodes do not take its certificate, or it does not take theirs"
            yield self._about(
                host,
                (CauseId.CLOCK, Status.FAILED if is_shut_out else Status.WARNING),
                f"{what}: {why}" if is_shut_out else what,
                CLOCK_FIX,
                frozenset(_spoken(setup, host)) if is_shut_out else frozenset(),
            )

    def _certificate(self, setup: Setup, host: str, now: float, span: Span) -> Iterable[Verdict]:
        end, left = _day(span.end), span.end - now
        if span.begin <= now and left > LATE * (span.end - span.begin):
            return
        holds = span.begin <= now < span.end
        if holds:
            detail = f"the certificate of {host} ends in {duration(left)} ({end}), and was not renewed"
        elif now >= span.end:
            detail = f"the certificate of {host} is over since {end}: no manager talks to it"
        else:
            detail = f"the certificate of {host} begins only on {_day(span.begin)}, by its own clock"
        yield self._about(
            host,
            (CauseId.CERTIFICATE, Status.WARNING if holds else Status.FAILED),
            detail,
            f"see that {host} reaches a manager on 2377, then restart Docker there (systemctl restart docker), which"
            " renews it; a worker whose certificate is over leaves the swarm and joins again",
            frozenset() if holds else frozenset(_spoken(setup, host)),
        )

    def _about(
        self, host: str, what: tuple[CauseId, Status], detail: str, fix: str, broken: frozenset[Claim]
    ) -> Verdict:
        cause, status = what
        evidence: JsonObject = {"cause": cause, "hosts": [host]}
        verdict = self.verdict(f"host {host}", status, detail, fix, cause=cause)
        needed: tuple[frozenset[Claim], ...] = ()
        if cause is CauseId.CERTIFICATE:
            needed = (frozenset((claims.clock(host),)),)
        elif status is Status.FAILED:
            broken |= {claims.clock(host)}
        return verdict.model_copy(update={"evidence": evidence, "broken": broken, "needed": needed})


def _spoken(setup: Setup, host: str) -> Iterable[Claim]:
    """Yield what fails for a host whose certificate is not taken: all that it and the managers say to each other."""
    for peer in setup.watched:
        if peer != host:
            yield from claims.both(lambda one, other: claims.passage("answers", one, other), host, peer)


def _time(answers: Answers, host: str) -> float | None:
    now = (kernel_of(answers, host) or {}).get("time")
    return float(now) if isinstance(now, (int, float)) else None


def _span(answers: Answers, host: str) -> Span | None:
    """Return when a node's certificate holds; None where it could not be read."""
    ended = NODE.read(answers, host)
    if ended is None or not ended.succeeded:
        return None
    try:
        read = x509.load_pem_x509_certificate(ended.stdout.encode())
    except ValueError:
        return None
    return Span(read.not_valid_before_utc.timestamp(), read.not_valid_after_utc.timestamp())


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
