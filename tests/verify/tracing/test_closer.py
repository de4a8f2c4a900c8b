"""Where a trace loses packets between hosts, it names the cause that verify finds there, and none of another way."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status, Verdict
from swarmnet.model.trace import Layer, Path
from swarmnet.verify import claims
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.tracing import doors
from swarmnet.verify.tracing.closer import LOSS, OVERLAY, SIZE, Lost, cause_of, look_at, named
from swarmnet.verify.tracing.doors import Shut
from tests.support.live_verify import HOSTS
from tests.support.recorded_runs import load
from tests.verify.scenarios.test_expected import API, DB, arrow, expecting

if TYPE_CHECKING:
    from swarmnet.model.network import Network

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
    reported = {"scenario": "s", "subject": "host m1", "status": Status.FAILED, "detail": "it drops", "cause": "x"}
    return Verdict.model_validate(reported | how)


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


SHARE = Layer(
    name=LOSS,
    status=Status.WARNING,
    detail="m2 -> m1: 9% get lost",
    cause="loss",
    fix="look",
    evidence=Lost(LOSS, "m2", "m1", "back", "10.2.0.3").evidence(),
)
STEADY = frozenset({claims.steady("back", "m2", "m1")})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((), ("m2 -> m1: 9% get lost", "loss", "look")),
        (
            (finding(cause="loss", broken=STEADY, fix="try without", evidence={"seen": ["m2: the queue netem"]}),),
            ("m2 -> m1: 9% get lost; seen, and may be the reason: m2: the queue netem", "loss", "try without"),
        ),
        ((finding(cause="loss", broken=STEADY, fix="look"),), ("m2 -> m1: 9% get lost", "loss", "look")),
        ((finding(broken=STEADY, fix="remove it"),), ("m2 -> m1: 9% get lost: it drops", "x", "remove it")),
        ((finding(broken=frozenset({claims.steady("front", "m2", "m1")})),), ("m2 -> m1: 9% get lost", "loss", "look")),
    ],
)
def test_a_share_that_gets_lost_is_said_once_with_what_may_lose_it(
    found: tuple[Verdict, ...], said: tuple[str, str, str]
) -> None:
    (layer,) = named(SETUP, Path(source="api.1", layers=(SHARE,)), found).layers
    assert (layer.detail, layer.cause, layer.fix) == said


def test_where_some_packets_pass_only_what_may_lose_some_is_looked_at() -> None:
    look = look_at(SETUP.state, (Path(source="api.1", layers=(SHARE,)),))
    assert look is not None
    assert (look.networks, look.hosts) == (("back",), ("m2", "m1"))
    assert {one.name for one in look.scenarios} == {"kernels", "data-path", "firewall", "icmp", "loss"}


def test_the_layer_gets_the_cause_with_what_proves_it_and_what_to_type() -> None:
    layer = Layer(name=OVERLAY, status=Status.FAILED, detail="m2 -> m1: lost", cause="unreached")
    layer = layer.model_copy(update={"evidence": LOST.evidence()})
    path = Path(source="api.1", layers=(layer,))
    why = finding(
        fix="remove it:", evidence={"commands": ["iptables -F"]}, broken=frozenset({claims.vxlan("m2", "m1")})
    )
    (reported,) = named(SETUP, path, (why,)).layers
    assert (reported.detail, reported.cause, reported.fix) == ("m2 -> m1: lost: it drops", "x", "remove it:")
    assert reported.evidence == {"commands": ["iptables -F"], **LOST.evidence(), "scenario": "s"}


def test_a_way_on_which_verify_finds_nothing_is_to_be_traced_again() -> None:
    """A probe that joins an encrypted network brings its IPsec states back: what was lost then passes."""
    layer = Layer(name=OVERLAY, status=Status.FAILED, detail="lost", cause="unreached", evidence=LOST.evidence())
    (said,) = named(SETUP, Path(source="api.1", layers=(layer,)), ()).layers
    assert (said.detail, said.cause) == ("lost", "unreached")
    assert "trace again" in str(said.fix)
    assert "joined back" in str(said.fix)


def test_states_that_were_gone_before_the_probes_came_explain_what_was_lost() -> None:
    broken = frozenset({claims.esp("m1", "m2")})
    gone = finding(status=Status.WARNING, cause="ipsec-flushed", broken=broken)
    setup = replace(
        SETUP, state=SETUP.state.model_copy(update={"networks": tuple(map(_encrypted, SETUP.state.networks))})
    )
    assert cause_of(setup, LOST, (gone,)) == gone


SHUT = Shut("web", ("m2",))
NEEDED = (frozenset({claims.programs("web"), claims.bridge("m2")}),)


def closed(**how: object) -> Verdict:
    said = {"scenario": "published", "evidence": {"hosts": ["m2"]}, "needed": NEEDED, "cause": "port-closed"}
    return finding(**said | how)


@pytest.mark.parametrize(
    ("door", "cause"),
    [
        (closed(), None),
        (closed(cause="ingress-rules"), "ingress-rules"),
        (closed(evidence={"hosts": ["m3"]}, cause="ingress-rules"), None),
        (closed(needed=(frozenset({claims.programs("db")}),), cause="ingress-rules"), None),
    ],
)
def test_a_port_that_is_shut_has_the_cause_that_verify_finds_for_that_service_and_host(
    door: Verdict, cause: str | None
) -> None:
    found = doors.cause_of(SHUT, (door,))
    assert (found.cause if found else None) == cause


def test_a_port_that_follows_from_a_fault_of_the_host_has_that_cause() -> None:
    root = finding(cause="bridge-route", broken=frozenset({claims.bridge("m2")}))
    found = doors.cause_of(SHUT, traced((root, closed())))
    assert found is not None
    assert found.cause == "bridge-route"


def test_a_port_that_is_shut_is_verified_on_all_hosts_over_one_overlay() -> None:
    layer = Layer(name="published", status=Status.FAILED, detail="", evidence=Shut("api", ("m2",)).evidence())
    look = look_at(SETUP.state, (Path(source="operator", layers=(layer,)),))
    assert look is not None
    assert (look.hosts, len(look.networks)) == ((), 1)
    assert {"kernels", "firewall", "published"} <= {one.name for one in look.scenarios}


def _encrypted(network: Network) -> Network:
    return network.model_copy(update={"spec": network.spec.model_copy(update={"encrypted": True})})


@pytest.mark.parametrize(("network", "is_looked_at"), [("back", True), ("a bridge", False)])
def test_what_is_lost_on_an_overlay_is_looked_at_on_the_hosts_of_that_way(network: str, *, is_looked_at: bool) -> None:
    lost = Lost(SIZE, "m2", "m1", network, "10.2.0.3")
    layer = Layer(name=SIZE, status=Status.FAILED, detail="").model_copy(update={"evidence": lost.evidence()})
    look = look_at(SETUP.state, (Path(source="api.1", layers=(layer,)),))
    assert (look is not None) is is_looked_at
    if look is not None:
        assert (look.networks, look.hosts) == (("back",), ("m2", "m1"))
        assert {"firewall", "mtu"} <= {one.name for one in look.scenarios}
