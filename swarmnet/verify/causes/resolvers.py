"""Whether the engines' own resolvers answer at all: containers behind a silent one find no name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId, Group
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenarios.names.names import LOOKUPS

if TYPE_CHECKING:
    from swarmnet.verify.scenario import Answers, Setup


def explain(setup: Setup, answers: Answers) -> tuple[Verdict, ...]:
    """Return one verdict for all hosts whose resolver answered none of their questions; none where each answered."""
    silent = {host: why for probe in setup.ready if (why := _silence(setup, answers, (host := probe.host)))}
    if not silent:
        return ()
    names, why = ", ".join(sorted(silent)), silent[min(silent)]
    return (
        Verdict(
            scenario=Group.DNS,
            cause=CauseId.RESOLVER,
            subject=f"host {names}" if len(silent) == 1 else f"hosts {names}",
            status=Status.FAILED,
            detail=f"Docker's resolver (127.0.0.11) does not answer containers on {names}: {why}",
            fix=f"restart Docker on {names} (systemctl restart docker) to restart its resolver and recreate the nat"
            " rules of its"
            " containers; then recreate the containers that were started before",
            evidence={"cause": CauseId.RESOLVER, "hosts": [*sorted(silent)]},
            broken=frozenset(map(claims.resolver, silent)),
            needed=claims.each(map(claims.node, silent)),
        ),
    )


def _silence(setup: Setup, answers: Answers, host: str) -> str:
    """Return why none of a host's questions for names was answered; empty where one was, or nothing was asked."""
    found = [
        outcome
        for lookup in LOOKUPS
        for net in setup.networks
        for outcome in outcomes(answers, host, lookup.key.on(net.spec.name))[0].values()
        if outcome.get("tries")
    ]
    if not found or any(one.get("ok") or one.get("code") or one.get("addresses") for one in found):
        return ""
    return str(found[0].get("why") or "no answer")
