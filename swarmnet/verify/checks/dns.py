"""Check: the name servers of each host answer at once: engines hand them to all containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.verify.checks.host_check import HostCheck, unread_in
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import ObserverTask
from swarmnet.verify.scenarios.names.upstream import ANSWERED, FIX, HANGS, LIMIT, OUTSIDE
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.verify.scenario import Answers, Findings, Question, Setup


class Resolvers(HostCheck):
    """One look-up on each host of a name that does not exist."""

    name: ClassVar[str] = "dns"
    summary: ClassVar[str] = "the name servers of each host answer at once"

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask on every host, from its own network."""
        task: JsonObject = {"kind": "outside", "name": f"{setup.run or 'swarmnet'}.invalid", "limit": LIMIT}
        return tuple(ObserverTask(host, OUTSIDE.name, task) for host in setup.watched)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return a failure for hosts without an answer that others get, a warning where look-ups hang on all.

        Where no host gets an answer and all are refused at once, the cluster may have no way out: that is not a fault.
        """
        outside = {host: one for host in setup.watched if (one := outcomes(answers, host, OUTSIDE)[0].get("outside"))}
        lost = tuple(host for host, one in outside.items() if one.get("code") not in ANSWERED)
        fine = [host for host in outside if host not in lost]
        unread = unread_in(setup, answers, OUTSIDE)
        return self.reported(
            _lost(outside, lost, fine), f"look-ups end at once on {count(len(outside), 'host')}", unread
        )


def _lost(outside: dict[str, JsonObject], lost: tuple[str, ...], fine: list[str]) -> Iterator[Trouble]:
    slow = tuple(host for host in lost if _milliseconds(outside[host]) >= HANGS)
    if lost and fine:
        detail = f"look-ups of names fail on {', '.join(lost)}; on {', '.join(fine)} they work"
        yield Trouble(CauseId.UPSTREAM_DNS, lost, detail, FIX, ("cat /etc/resolv.conf", "getent hosts deb.debian.org"))
    elif slow:
        detail = f"look-ups of names hang for {HANGS / 1000:g} s or longer on {', '.join(slow)}, as on all hosts"
        commands = ("cat /etc/resolv.conf",)
        yield Trouble(CauseId.UPSTREAM_DNS, slow, detail, FIX, commands, Status.WARNING)


def _milliseconds(outcome: JsonObject) -> float:
    taken = outcome.get("ms")
    return float(taken) if isinstance(taken, (int, float)) else 0.0
