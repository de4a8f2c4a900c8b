"""Check: the login may become root where looks at the firewall and repairs need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.verify import keys
from swarmnet.verify.checks.host_check import HostCheck, members
from swarmnet.verify.scenario import Findings, HostCommand

if TYPE_CHECKING:
    from swarmnet.verify.scenario import Answers, Question, Setup

TRIED = keys.command("sudo")


class Sudo(HostCheck):
    """Deployment needs the engine's socket alone; rules of the firewall, and who has a port, root sees."""

    name: ClassVar[str] = "sudo"
    summary: ClassVar[str] = "the login may use sudo without being asked"

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Do nothing as root on each host."""
        return tuple(HostCommand(host, TRIED.name, ("true",), sudo=True) for host in members(setup))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return what is left out where root is out of reach: not a fault, since a swarm needs no root over SSH."""
        without = [host for host in members(setup) if not ((trial := TRIED.read(answers, host)) and trial.succeeded)]
        if not without:
            return self.reported((), f"the login may use sudo on {count(len(members(setup)), 'host')}")
        detail = f"the login may not become root on {', '.join(without)}: rules of firewalls were not read there"
        fix = "allow it sudo without a password, give -K to be asked for the password, or log in as root"
        return Findings((self.verdict(f"hosts {', '.join(without)}", Status.SKIPPED, detail, fix),))
