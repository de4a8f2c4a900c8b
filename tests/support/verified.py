"""Verifications of made-up clusters, small and large."""

from __future__ import annotations

from itertools import permutations

from swarmnet.model.report import Cause, Status, Verdict
from swarmnet.model.verification import (
    Cell,
    ExpectedCell,
    ExpectedMatrix,
    Matrix,
    Phase,
    Verification,
    Wanted,
)

SCENARIOS = ("icmp", "udp", "tcp", "loss")


def a_matrix(scenario: str, network: str, hosts: tuple[str, ...], bad: frozenset[tuple[str, str]]) -> Matrix:
    """Return a matrix in which the pairs of ``bad`` fail, or lose half of what is sent."""
    cells: dict[str, dict[str, Cell]] = {host: {} for host in hosts}
    for at, (one, two) in enumerate(permutations(hosts, 2)):
        failed = (one, two) in bad
        status, detail = (Status.FAILED, "no answer within 2 s") if failed else (Status.OK, "")
        if scenario == "loss":
            lost = 0.5 if failed else 0.0
            cells[one][two] = Cell(status=status, detail=f"{lost:.0%} lost", lost=lost)
        else:
            cells[one][two] = Cell(status=status, detail=detail, milliseconds=None if failed else 0.25 + at / 100)
    return Matrix(scenario=scenario, network=network, hosts=hosts, cells=cells)


EXPECTED = ExpectedMatrix(
    parties=("web", "api", "db"),
    cells={
        "web": {
            "api": ExpectedCell(wanted=Wanted.ALLOW, doors=("8080",), seen="open", status=Status.OK),
            "db": ExpectedCell(wanted=Wanted.DENY, seen="open", status=Status.FAILED),
        },
        "api": {"db": ExpectedCell(wanted=Wanted.ALLOW, doors=("5432",), seen="unknown", status=Status.INCONCLUSIVE)},
    },
    containers=4,
    hosts=3,
    questions=9,
)


def a_verification(hosts: int = 3, networks: int = 2, *, fails: bool = True) -> Verification:
    """Return a verification whose last host hears nothing on the last network, where anything fails at all."""
    names = tuple(f"h{number}" for number in range(1, hosts + 1))
    overlays = tuple(f"net{number}" for number in range(1, networks + 1))
    bad = frozenset((name, names[-1]) for name in names[:-1]) if fails else frozenset[tuple[str, str]]()
    none = frozenset[tuple[str, str]]()
    cause = Verdict(
        scenario="firewall",
        subject=f"network {overlays[-1]}",
        status=Status.FAILED,
        detail=f"{names[-1]} drops VXLAN",
        cause="vxlan-blocked",
        fix="open UDP 4789",
        evidence={"commands": ["iptables -I INPUT -p udp --dport 4789 -j ACCEPT"]},
    )
    follows = Verdict(
        scenario="names",
        subject="web",
        status=Status.FAILED,
        detail="no answer",
        cause="name-lost",
        because_of=(Cause(verdict=0, scenario="firewall", subject=cause.subject, cause="vxlan-blocked"),),
    )
    fine = tuple(
        Verdict(scenario="icmp", subject=f"network {name}", status=Status.OK, detail="all pairs answer")
        for name in overlays[:-1]
    )
    return Verification(
        run="r1",
        cluster="shop",
        networks=overlays,
        hosts=names,
        verdicts=((cause, follows) if fails else ()) + fine,
        matrices=tuple(
            a_matrix(scenario, name, names, bad if name == overlays[-1] else none)
            for scenario in SCENARIOS
            for name in overlays
        ),
        expected=EXPECTED if fails else None,
        phases=(Phase(name="observe", seconds=0.5), Phase(name="pairs", seconds=2.0)),
        notes=("h1 was slow",) if fails else (),
    )
