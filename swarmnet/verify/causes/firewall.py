"""Whether somebody flushed the engine's rules on a host: told once, whatever no longer works there for it.

Every engine jumps at its start from nat's ``PREROUTING`` to its chain ``DOCKER``, and from ``FORWARD`` to
``DOCKER-USER`` (20.10 to 28.5). It writes rules of services and networks anew as they come, but these jumps only at
its next start: without them, the table was flushed. An exception is ``DOCKER-USER``, to which 20.10 and 26.1 lead
again when a network comes to the host; what they forward for bridges, they do not. Nothing is asked for this: it is
read from the rules that other scenarios asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.iptables import parse
from swarmnet.verify.scenarios.encryption.rules import COMMANDS

if TYPE_CHECKING:
    from swarmnet.verify.iptables import Rule
    from swarmnet.verify.scenario import Answers, Setup

JUMPS = {"filter": ("FORWARD", "DOCKER-USER"), "nat": ("PREROUTING", "DOCKER")}
"""Table to the chain of the kernel's and the engine's own to which that must lead."""
BRIDGED = ("DOCKER", "DOCKER-FORWARD")
"""Chains to which ``FORWARD`` leads for the bridges that an engine has at its start: to 26.1, and from 28."""
READ = (*COMMANDS, "ingress/nat", "ingress/filter")
"""Keys of the answers that hold rules."""


def explain(setup: Setup, answers: Answers) -> tuple[Verdict, ...]:
    """Return one verdict for each host whose tables lost the engine's jumps; none where that is not proved.

    A host that never had any (an engine with ``--iptables=false``) has no chain of the engine's either.
    """
    found = {probe.host: _flushed(answers, probe.host) for probe in setup.ready}
    return tuple(_verdict(host, tables) for host, tables in found.items() if tables)


def _flushed(answers: Answers, host: str) -> tuple[str, ...]:
    texts = [
        str(answer.value.get("stdout"))
        for key in READ
        if (answer := answers.get((host, key))) is not None and answer.problem is None and not answer.value.get("exit")
    ]
    seen = [parse(text) for text in texts]
    gone = tuple(table for table, jump in JUMPS.items() if _has_chain(texts, table) and not _leads(seen, table, *jump))
    # Alone it proves nothing: an engine may have no bridge (`--bridge=none`).
    if gone == ("nat",) and _has_chain(texts, "filter") and not _leads(seen, "filter", "FORWARD", *BRIDGED):
        gone = ("filter", "nat")
    emptied = [one for one in seen if "mangle" in one]
    if gone and emptied and not any(one["mangle"] for one in emptied):
        return (*gone, "mangle")
    return gone


def _has_chain(texts: list[str], table: str) -> bool:
    """Tell whether the engine's chain stands in the table still: flushing empties chains and keeps them."""
    for text in texts:
        _, _, rest = f"\n{text}".partition(f"\n*{table}\n")
        if f"\n:{JUMPS[table][1]} " in f"\n{rest.partition('COMMIT')[0]}":
            return True
    return False


def _leads(seen: list[dict[str, tuple[Rule, ...]]], table: str, start: str, *chains: str) -> bool:
    return any(rule.chain == start and rule.target in chains for one in seen for rule in one.get(table, ()))


def _verdict(host: str, tables: tuple[str, ...]) -> Verdict:
    listed = ", ".join(sorted(tables))
    return Verdict(
        scenario="firewall",
        subject=f"host {host}",
        status=Status.FAILED,
        detail=f"the firewall rules of {host} were flushed: nothing leads to the engine's own chains any more"
        f" (tables {listed})",
        fix=f"restart the engine of {host} (systemctl restart docker), which sets its rules anew; run verify after"
        " every reload of a firewall, since no engine up to 28.5 notices one",
        evidence={"cause": "rules-flushed", "hosts": [host], "tables": [*sorted(tables)]},
        broken=frozenset(claims.rules(host, table) for table in tables),
    )
