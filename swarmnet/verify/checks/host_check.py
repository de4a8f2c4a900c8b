"""What checks of hosts have in common: they need no overlay, and report hosts with what to type there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.model.state import SwarmStanding
from swarmnet.verify import claims
from swarmnet.verify.scenario import Answers, Findings, Question, Scenario, Setup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from swarmnet.verify.keys import Key
    from swarmnet.verify.trouble import Trouble

NOTHING: Mapping[str, str] = {}


class HostCheck(Scenario):
    """A check of hosts themselves."""

    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False
    needs_observer: ClassVar[bool] = True

    def ask(self, _setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask nothing: what was observed is enough."""
        return ()

    def reported(self, troubles: Iterable[Trouble], fine: str, unread: Mapping[str, str] = NOTHING) -> Findings:
        """Return a verdict for each trouble, else one that says what is fine; ``unread`` is hosts with why."""
        verdicts = [*map(self.of_trouble, troubles), *self._unread(unread)]
        return Findings(tuple(verdicts) or (self.verdict("hosts", Status.OK, fine),))

    def _unread(self, unread: Mapping[str, str]) -> Iterator[Verdict]:
        if unread:
            detail = f"not known of {', '.join(unread)}: {unread[min(unread)]}"
            verdict = self.verdict(f"host{'s' * (len(unread) > 1)} {', '.join(unread)}", Status.INCONCLUSIVE, detail)
            yield verdict.model_copy(update={"needed": claims.each(map(claims.observer, unread))})

    def of_trouble(self, one: Trouble) -> Verdict:
        """Return a trouble as a verdict."""
        return one.verdict(self.name)


def unread_in(setup: Setup, answers: Answers, *asked: Key[Any]) -> dict[str, str]:
    """Return the hosts of which one of these questions has no answer, and why."""
    found = {}
    for host in members(setup):
        missing = next((key for key in asked if key.read(answers, host) is None), None)
        if missing is not None:
            found[host] = missing.problem(answers, host) or "the answer cannot be read"
    return found


def members(setup: Setup) -> tuple[str, ...]:
    """Return the hosts that were observed, whether a container of swarmnet runs there or not."""
    return tuple(facts.host for facts in setup.state.hosts)


def is_inside(setup: Setup, host: str) -> bool:
    """Return whether the host's engine is in a swarm, whose ports it then has."""
    facts = setup.state.facts(host)
    return facts is not None and facts.engine.membership.state is not SwarmStanding.INACTIVE
