"""Hosts whose device spoils the checksums of what overlays carry: echoes pass, and datagrams and connections do not.

Kernels check an echo's own checksum in software, and leave that of UDP and TCP to the device, which must look into
VXLAN for it (vmxnet3 of VMware, moby#41775). What arrives wrong is counted by the receiving kernel, in the namespace of
the probe alone: the probe is new, so whatever it counts is of this run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId, Group
from swarmnet.verify.keys import CHECKSUMS, ICMP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.verification import Matrix
    from swarmnet.verify.causes.failed_pairs import Evidence
    from swarmnet.verify.patterns import Pair
    from swarmnet.verify.scenario import Answers

WRONG = "InCsumErrors"
TABLES = ("udp", "tcp")


def spoiled(answers: Answers, matrices: Iterable[Matrix], evidence: Evidence) -> frozenset[Pair]:
    """Return the failed pairs of a network between which echoes pass, and whose receiver counted wrong checksums."""
    echoed = {
        (source, target)
        for matrix in matrices
        if matrix.scenario == ICMP.name
        for source, row in matrix.cells.items()
        for target, cell in row.items()
        if cell.status is Status.OK
    }
    return frozenset(pair for pair in evidence.failed & echoed if _wrong(answers, pair[1]))


def explain(answers: Answers, lost: Mapping[str, frozenset[Pair]]) -> tuple[Verdict, ...]:
    """Return one verdict for all hosts that send wrong checksums, by network with its lost pairs; none without one."""
    pairs = sorted({pair for some in lost.values() for pair in some})
    if not pairs:
        return ()
    hosts = sorted({source for source, _ in pairs})
    counted = ", ".join(f"{host} {_wrong(answers, host)}" for host in sorted({target for _, target in pairs}))
    names = ", ".join(hosts)
    ways = frozenset(way(*pair) for pair in pairs for way in (claims.vxlan, claims.esp))
    return (
        Verdict(
            scenario=Group.MATRIX,
            cause=CauseId.CHECKSUMS,
            subject=f"host{'s' if hosts[1:] else ''} {names}",
            status=Status.FAILED,
            detail=f"what containers of {names} send by UDP and TCP arrives with wrong checksums, and is dropped there"
            f" ({WRONG}: {counted}); echoes pass (explains {count(len(pairs), 'failed pair')})",
            fix=f"the network device of {names} computes checksums wrongly inside of VXLAN (vmxnet3 does): switch that"
            " off on its device to the others, and keep it off at the next start:",
            evidence={
                "cause": CauseId.CHECKSUMS,
                "hosts": [*hosts],
                "networks": [*sorted(name for name, some in lost.items() if some)],
                "pairs": [[*pair] for pair in pairs],
                "commands": ["ethtool -K DEVICE tx-checksum-ip-generic off"],
            },
            broken=ways | {claims.overlay(name, *pair) for name, some in lost.items() for pair in some},
        ),
    )


def _wrong(answers: Answers, host: str) -> int:
    """Return how many datagrams and segments the probe of a host dropped because of their checksums."""
    said = CHECKSUMS.read(answers, host) or {}
    tables = [said.get(name) for name in TABLES]
    counts = [table.get(WRONG) for table in tables if isinstance(table, dict)]
    return sum(one for one in counts if isinstance(one, int))
