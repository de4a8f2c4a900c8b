"""Check: the clocks of all hosts agree. Certificates of a swarm are not valid before and after their time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.verify.checks.asked import Family, family, files
from swarmnet.verify.checks.host_check import HostCheck, members
from swarmnet.verify.clock_skew import skews, spoken
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import PAIR
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.model.state import HostFacts
    from swarmnet.verify.scenario import Answers, Findings, Question, Setup

NOTICED, BROKEN = 5.0, 60.0
"""Seconds from which a clock is reported, and from which nodes refuse each other's certificates sooner or later."""
HERE = ""
"""Instead of a host: this machine."""
SYNCHRONISE: Mapping[Family, tuple[str, ...]] = {
    Family.DEBIAN: ("apt-get install -y systemd-timesyncd", "timedatectl set-ntp true"),
    Family.RHEL: ("dnf install -y chrony", "systemctl enable --now chronyd", "chronyc makestep"),
    Family.SUSE: ("zypper install -y chrony", "systemctl enable --now chronyd", "chronyc makestep"),
    Family.OTHER: ("timedatectl set-ntp true",),
}


class Clocks(HostCheck):
    """The time that each engine says, next to that of this machine when it was asked."""

    name: ClassVar[str] = "clocks"
    summary: ClassVar[str] = "the clocks of all hosts agree"

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask each host for its distribution."""
        return tuple(map(files, members(setup)))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each host whose clock is off."""
        found = [_with_commands(answers, one) for one in skewed(setup.state.hosts)]
        unread = {one.host: "its engine says no time" for one in setup.state.hosts if one.engine.ahead is None}
        return self.reported(
            found, f"the clocks of {count(len(members(setup)), 'host agrees', 'hosts agree')} to {NOTICED:g} s", unread
        )


def _with_commands(answers: Answers, one: Trouble) -> Trouble:
    commands = SYNCHRONISE[family(answers, one.hosts[0])]
    return Trouble(one.cause, one.hosts, one.detail, "synchronise its clock:", commands, one.status)


def skewed(hosts: Iterable[HostFacts]) -> Iterator[Trouble]:
    """Yield hosts whose clock is off; this machine's own clock counts as one of theirs."""
    ahead = {one.host: one.engine.ahead for one in hosts if one.engine.ahead is not None}
    if len(ahead) < PAIR:
        return
    for host, off in skews({HERE: 0.0, **ahead}, apart=NOTICED).items():
        if host != HERE:
            yield Trouble(
                CauseId.CLOCK,
                (host,),
                f"the clock of {host} is {spoken(off)} the others: nodes"
                " refuse certificates that are not valid yet, or no more",
                "synchronise its clock (timedatectl set-ntp true)",
                status=Status.FAILED if abs(off) >= BROKEN else Status.WARNING,
            )
