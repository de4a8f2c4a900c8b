"""Whether the engine's rules on a host were flushed: reported once, whatever fails because of it.

Every engine jumps at its start from nat's ``PREROUTING`` to its chain ``DOCKER``, and from ``FORWARD`` to
``DOCKER-USER`` (20.10 to 28.5). It recreates rules of services and networks as they come, but these jumps only at
its next start: without them, the table was flushed. An exception is ``DOCKER-USER``, to which 20.10 and 26.1 lead
again when a network comes to the host; what they forward for bridges, they do not. Nothing is asked for this: it is
read from the rules that other scenarios asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.iptables import EMPTY
from swarmnet.verify.keys import FILTER, NAT, SAVE, SAVE_LEGACY, SAVE_NFT
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall

if TYPE_CHECKING:
    from swarmnet.verify.iptables import Ruleset
    from swarmnet.verify.scenario import Answers, Setup

JUMPS = {"filter": ("FORWARD", "DOCKER-USER"), "nat": ("PREROUTING", "DOCKER")}
"""Table to the chain of the kernel's and the engine's own to which that must lead."""
BRIDGED = ("DOCKER", "DOCKER-FORWARD")
"""Chains to which ``FORWARD`` leads for the bridges that an engine has at its start: to 26.1, and from 28."""
READ = (SAVE, SAVE_LEGACY, SAVE_NFT, NAT, FILTER)
"""Keys of the answers that hold rules."""


def explain(setup: Setup, answers: Answers) -> tuple[Verdict, ...]:
    """Return one verdict for each host whose tables lost the engine's jumps; none where that is not certain.

    A host that never had any (an engine with ``--iptables=false``) has no chain of the engine's either.
    """
    found = {probe.host: _flushed(answers, probe.host) for probe in setup.ready}
    return tuple(_verdict(host, tables) for host, tables in found.items() if tables)


def _flushed(answers: Answers, host: str) -> tuple[str, ...]:
    seen = [ruleset for key in READ if (ruleset := key.read(answers, host)) is not None]
    gone = tuple(table for table, jump in JUMPS.items() if _has_chain(seen, table) and not _leads(seen, table, *jump))
    # Alone it proves nothing: an engine may have no bridge (`--bridge=none`).
    if gone == ("nat",) and _has_chain(seen, "filter") and not _leads(seen, "filter", "FORWARD", *BRIDGED):
        gone = ("filter", "nat")
    emptied = [one["mangle"] for one in seen if "mangle" in one]
    if gone and emptied and not any(table.rules for table in emptied):
        return (*gone, "mangle")
    return gone


def _has_chain(seen: list[Ruleset], table: str) -> bool:
    """Return whether the table still has the engine's chain: flushing empties chains and keeps them."""
    return any(JUMPS[table][1] in one.get(table, EMPTY).chains for one in seen)


def _leads(seen: list[Ruleset], table: str, start: str, *chains: str) -> bool:
    return any(one.get(table, EMPTY).leads(start, *chains) for one in seen)


def _verdict(host: str, tables: tuple[str, ...]) -> Verdict:
    listed = ", ".join(sorted(tables))
    return Verdict(
        scenario=HostFirewall.name,
        subject=f"host {host}",
        status=Status.FAILED,
        detail=f"the firewall rules of {host} were flushed: no rule leads to Docker's own chains any more"
        f" (tables {listed})",
        fix=f"restart Docker on {host} (systemctl restart docker) to recreate its rules; run verify after every"
        " reload of a"
        " firewall, because no engine up to 28.5 notices one",
        cause=CauseId.RULES_FLUSHED,
        evidence={"cause": CauseId.RULES_FLUSHED, "hosts": [host], "tables": [*sorted(tables)]},
        broken=frozenset(claims.rules(host, table) for table in tables),
    )
