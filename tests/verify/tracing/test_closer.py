"""Where a trace loses packets between hosts, it names the cause that verify finds there, and none of another way."""

from __future__ import annotations

from itertools import permutations

import pytest

from swarmnet.model.report import Status, Verdict
from swarmnet.model.trace import Layer, Path
from swarmnet.verify import claims
from swarmnet.verify.tracing.closer import OVERLAY, SIZE, Lost, cause_of, look_at, named
from tests.support.live_verify import HOSTS
from tests.support.recorded_runs import load
from tests.verify.scenarios.test_expected import API, DB, arrow, expecting

EXPLAINED = {
    "F01": ("front", "underlay", "m1 m2"),
    "F02": ("front", "gossip-tcp", "m1 m3, m2 m3"),
    "F03": ("front", "gossip-udp", "m1 m3"),
    "F05": ("vault", "esp-blocked", "m2 m3"),
    "F06": ("vault", "firewall-drops", "m1 m2, m2 m3"),
    "F07": ("vault", "translated", "m1 m2"),
    "F09": ("front", "outer-source", "m1 m3, m2 m3"),
    "F22": ("front", "connections-full", "m1 m3, m2 m3"),
    "F23": ("front", "leftover-vxlan", "m1 m3, m2 m3"),
    "F29": ("front", "neighbour-table-full", "m1 m3, m2 m3"),
    "F30": ("front", "data-path-taken", "m1 m3, m2 m3"),
    "F43": ("vault", "rules-flushed", "m1 m2, m1 m3, m2 m3"),
    "F47": ("plain", None, ""),
    "F48": ("plain", None, ""),
    "F50": ("plain", "iptables-split", "m1 m2, m2 m3"),
    "F54": ("plain", "bridge-on-underlay", "m1 m3, m2 m3"),
    "F61": ("front", None, ""),
    "F63": ("front", "rp-filter", "m2 m3"),
    "F64": ("front", "flows-lost", "m1 m3, m2 m3"),
}
"""Recorded failure to a network, the cause, and the hosts between which it loses packets, whichever sends."""


@pytest.mark.parametrize("mode", EXPLAINED)
def test_a_recorded_failure_is_the_cause_on_the_ways_that_it_breaks_and_on_no_other(mode: str) -> None:
    network, cause, between = EXPLAINED[mode]
    run = load(mode)
    verdicts = run.judged()
    found: dict[str | None, set[str]] = {}
    for source, target in permutations(HOSTS, 2):
        why = cause_of(run.setup, Lost(OVERLAY, source, target, network, "10.0.0.9"), verdicts)
        found.setdefault(why.cause if why else None, set()).add(" ".join(sorted((source, target))))
    found.pop(None, None)
    assert found == ({cause: {*between.split(", ")}} if cause else {})


SETUP = expecting(arrow(API, DB, 5432))
LOST = Lost(OVERLAY, "m2", "m1", "back", "10.2.0.3")


def finding(**how: object) -> Verdict:
    told = {"scenario": "s", "subject": "host m1", "status": Status.FAILED, "detail": "it drops", "cause": "x"}
    return Verdict.model_validate(told | how)


def test_rows_of_another_container_explain_nothing() -> None:
    rows = {"cause": "forward-missing", "evidence": {"host": "m2", "addresses": ["10.2.0.3"]}}
    mine, other = finding(**rows), finding(**rows | {"evidence": {"host": "m2", "addresses": ["10.2.0.4"]}})
    assert cause_of(SETUP, LOST, (other,)) is None
    assert cause_of(SETUP, LOST, (other, mine)) == mine


def test_a_size_that_gets_lost_is_explained_by_sizes_alone() -> None:
    large = finding(cause="path-mtu", broken=frozenset({claims.whole("back", "m2", "m1")}))
    small = finding(broken=frozenset({claims.vxlan("m2", "m1")}))
    size = Lost(SIZE, "m2", "m1", "back", "10.2.0.3")
    assert cause_of(SETUP, size, (small, large)) == large
    assert cause_of(SETUP, LOST, (large, small)) == small


def test_the_layer_gets_the_cause_with_what_proves_it_and_what_to_type() -> None:
    layer = Layer(name=OVERLAY, status=Status.FAILED, detail="m2 -> m1: lost", cause="unreached")
    layer = layer.model_copy(update={"evidence": LOST.evidence()})
    path = Path(source="api.1", layers=(layer,))
    why = finding(
        fix="remove it:", evidence={"commands": ["iptables -F"]}, broken=frozenset({claims.vxlan("m2", "m1")})
    )
    (told,) = named(SETUP, path, (why,)).layers
    assert (told.detail, told.cause, told.fix) == ("m2 -> m1: lost: it drops", "x", "remove it:")
    assert told.evidence == {"commands": ["iptables -F"], **LOST.evidence(), "scenario": "s"}
    assert named(SETUP, path, ()) == path


@pytest.mark.parametrize(("network", "is_looked_at"), [("back", True), ("a bridge", False)])
def test_what_is_lost_on_an_overlay_is_looked_at_on_the_hosts_of_that_way(network: str, *, is_looked_at: bool) -> None:
    lost = Lost(SIZE, "m2", "m1", network, "10.2.0.3")
    layer = Layer(name=SIZE, status=Status.FAILED, detail="").model_copy(update={"evidence": lost.evidence()})
    look = look_at(SETUP.state, (Path(source="api.1", layers=(layer,)),))
    assert (look is not None) is is_looked_at
    if look is not None:
        assert (look.networks, look.hosts) == (("back",), ("m2", "m1"))
        assert {"firewall", "mtu"} <= {one.name for one in look.scenarios}
