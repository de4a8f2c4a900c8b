"""Scenario: the nameservers that services name for their tasks (``dns``) answer, asked from inside running tasks.

Engines ask such a server from inside the container, for every name that is not of the swarm (20.10 to 28.5). Any answer
will do: what a server knows is its own affair. ``own-programs`` judges addresses of the loopback device.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status
from swarmnet.model.verification import Level
from swarmnet.verify import keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.own import nameservers_of
from swarmnet.verify.scenario import Answers, Findings, InsideTask, Question, in_steps
from swarmnet.verify.scenarios.control.subnets import hiding
from swarmnet.verify.scenarios.own.addresses import OwnScenario
from swarmnet.verify.scenarios.own.processes import without_servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.ends import End
    from swarmnet.verify.keys import Key
    from swarmnet.verify.scenario import Setup

LIMIT = 3.0
"""Seconds for the answer to one datagram; a second one is sent before a server is called silent."""


class OwnNameservers(OwnScenario):
    """One question to each nameserver of a service, from one task of it on each host."""

    name: ClassVar[str] = "own-nameservers"
    summary: ClassVar[str] = "the nameservers that your services name (dns) answer their tasks"
    level: ClassVar[Level] = Level.FULL

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask each server for a name that does not exist, and once more where no answer comes."""
        run = setup.run or "swarmnet"
        return in_steps(
            answers,
            lambda: [_question(end, server, run, 1) for end, server in _pairs(setup)],
            lambda: [
                _question(end, server, run, 2)
                for end, server in _pairs(setup)
                if _silence(answers, end, server, 1) is not None
            ],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return a warning for each service with a silent nameserver, and one verdict for all that answer."""
        silent: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        fine: set[str] = set()
        unasked: dict[str, str] = {}
        for end, server in _pairs(setup):
            problem = end.problem or outcomes(answers, end.host, _key(end, server, 1))[1]
            if problem is not None:
                unasked[str(end)] = problem
            elif (why := _silence(answers, end, server, 2)) is not None:
                silent[end.party][server][end.host] = why
            else:
                fine.add(server)
        verdicts = [self._silent(setup, service, servers) for service, servers in silent.items()]
        if fine:
            verdicts.append(self.verdict("services", Status.OK, f"{', '.join(sorted(fine))} answer from inside tasks"))
        if unasked:
            names = ", ".join(sorted(unasked))
            detail = f"the nameservers of {names} could not be asked: {'; '.join(sorted({*unasked.values()}))}"
            verdicts.append(self.verdict("containers", Status.INCONCLUSIVE, detail))
        if not verdicts:
            verdicts.append(self.verdict("services", Status.SKIPPED, "no service names nameservers of its own (dns)"))
        return Findings(tuple(verdicts))

    def _silent(self, setup: Setup, service: str, servers: dict[str, dict[str, str]]) -> Verdict:
        hosts = sorted({host for several in servers.values() for host in several})
        whys = sorted({why for several in servers.values() for why in several.values()})
        words = (
            f"the nameserver {', '.join(servers)} of {service} (dns) does not answer its tasks on {', '.join(hosts)}"
            f" ({'; '.join(whys)}): each name outside of the swarm waits for it, or is not found"
        )
        fix = f"let {', '.join(servers)} answer UDP 53 from there, or run {without_servers(service, servers)}"
        made = self.verdict(f"service {service}", Status.WARNING, words, fix, cause=CauseId.NAMESERVER_SILENT)
        evidence: JsonObject = {**made.evidence, "hosts": [*hosts], "servers": [*servers]}
        known = setup.state.service(service)
        networks = [place.network for place in (known.spec.networks or ())] if known is not None else []
        needed = tuple(hiding(setup, networks, [server]) for server in servers)
        return made.model_copy(update={"evidence": evidence, "needed": needed})


def _pairs(setup: Setup) -> Iterator[tuple[End, str]]:
    """Yield each container that asks, with each nameserver of its service."""
    for end in setup.insiders:
        for server in nameservers_of(setup.state, end):
            yield end, server


def _key(end: End, server: str, look: int) -> Key[dict[str, JsonObject]]:
    return keys.targets(f"nameserver/{end.name}/{server}/{look}")


def _question(end: End, server: str, run: str, look: int) -> Question:
    task: JsonObject = {"kind": "outside", "name": f"{run}.invalid", "server": server, "limit": LIMIT}
    return InsideTask(end.host, _key(end, server, look).name, task, end.name)


def _silence(answers: Answers, end: End, server: str, looks: int) -> str | None:
    """Return why no answer came to any of the first looks; None where one came, or nothing was asked."""
    why = None
    for look in range(1, looks + 1):
        found = outcomes(answers, end.host, _key(end, server, look))[0].get("outside")
        if found is None:
            continue
        if found.get("code") is not None:
            return None
        why = str(found.get("why") or "no answer")
    return why
