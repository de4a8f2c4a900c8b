"""What gets lost on the way: a rate for each direction, which no second try hides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.scenario import Answer, Answers, ProbeTask
from swarmnet.verify.scenarios.pairs.loss import FEW, HEARD, LEAST_SPACING, MANY, RATE, Loss
from swarmnet.verify.scenarios.pairs.matrix import TcpMatrix, UdpMatrix
from tests.support.setups import answers, make_setup, network

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

HOSTS = ("w1", "w2", "w3")


def lossy(cluster: Setup, lost: Mapping[tuple[str, str], float]) -> Answers:
    """Return what bursts come to where directions lose a share: counts at both ends."""

    def kept(source: str, target: str) -> float:
        return 1 - lost.get((source, target), 0.0)

    found = answers(cluster)
    for host in HOSTS:
        peers = [one for one in HOSTS if one != host]
        share = {peer: kept(host, peer) * kept(peer, host) for peer in peers}
        heard: JsonObject = {}
        for name in [net.spec.name for net in cluster.networks]:
            for key, count in ((f"loss/{name}", FEW), (f"loss/{name}/again", MANY)):
                targets: JsonObject = {
                    peer: {"sent": count, "came": round(count * share[peer]), "tries": count}
                    for peer in peers
                    if not key.endswith("again") or share[peer] < 1
                }
                found[host, key] = Answer({"targets": targets})
            heard[f"loss/{name}/again"] = {peer: round(MANY * kept(peer, host)) for peer in peers}
        found[host, HEARD.name] = Answer({"heard": heard})
    return found


def test_lines_that_lose_nothing_are_one_ok_and_are_not_measured_again() -> None:
    cluster, said = make_setup(), lossy(make_setup(), {})
    (verdict,) = Loss().judge(cluster, said).verdicts
    assert (verdict.status, verdict.detail) == (Status.OK, "6 lines lose nothing")
    first = {place: answer for place, answer in said.items() if place[1] == "loss/front"}
    assert {one.key for one in Loss().ask(cluster, first)} == {"loss/front"}


@pytest.mark.parametrize(("share", "status"), [(0.1, Status.WARNING), (0.5, Status.FAILED)])
def test_a_direction_that_loses_has_its_rate_and_is_not_blamed_on_the_mtu(share: float, status: Status) -> None:
    """F4: a tenth is degraded, not green; a half fails, and is not reported as a path that is too narrow."""
    cluster, said = make_setup(), lossy(make_setup(), {("w1", "w2"): share})
    (verdict,) = Loss().judge(cluster, said).verdicts
    assert verdict.status is status
    assert verdict.detail.startswith(f"degraded: {share:.0%} of datagrams are lost from w1 to w2 on front")
    assert verdict.evidence["rate"] == share


def test_a_host_that_loses_all_around_is_one_cause() -> None:
    around = {(one, other): 0.1 for one in HOSTS for other in HOSTS if "w3" in (one, other) and one != other}
    (verdict,) = Loss().judge(make_setup(), lossy(make_setup(), around)).verdicts
    assert "10% of datagrams are lost to and from w3" in verdict.detail


OUT_OF_W3 = {("w3", peer): 0.2 for peer in ("w1", "w2")}


def shop() -> Setup:
    return make_setup(3, [network("front"), network("vault", encrypted=True)])


def failing(said: Answers, stage: str, pairs: Iterable[tuple[str, str]]) -> Answers:
    """Return the answers with TCP connections of these pairs that failed at a stage."""
    outcome: JsonObject = {"ok": False, "stage": stage, "why": "no answer", "tries": 2}
    for (host, key), answer in said.items():
        for peer in [target for source, target in pairs if source == host and key.startswith("tcp/")]:
            answer.value["targets"][peer] = outcome  # type: ignore[index,call-overload]
    return said


def bad(cluster: Setup, said: Answers, *, measured: bool = True) -> list[Verdict]:
    """Return what is wrong, causes first, with what only follows after them."""
    findings = [one.judge(cluster, said) for one in (UdpMatrix(), TcpMatrix(), *([Loss()] if measured else []))]
    matrices = [matrix for one in findings for matrix in one.matrices]
    found = traced([*(v for one in findings for v in one.verdicts), *explain(cluster, said, matrices)])
    return [one for one in found if one.status not in (Status.OK, Status.SKIPPED)]


def test_a_host_that_loses_on_all_its_networks_is_one_cause_that_lists_them() -> None:
    """Seen with tc netem on one host: three networks were three causes."""
    (verdict,) = bad(shop(), lossy(shop(), OUT_OF_W3))
    assert (verdict.subject, verdict.evidence["networks"]) == ("host w3", ["front", "vault"])
    assert verdict.detail == "degraded: 20% of datagrams are lost on the way from w3 on front, vault"


@pytest.mark.parametrize("stage", ["transfer", "connect"])
def test_connections_that_fail_for_loss_follow_from_it_and_are_not_blamed_on_sizes_or_protocols(stage: str) -> None:
    """F4: 1 MiB does not pass a line that loses packets, whatever its MTU; at times not even a handshake does."""
    said = failing(lossy(shop(), OUT_OF_W3), stage, OUT_OF_W3)
    cause, effect = bad(shop(), said)
    assert [(one.scenario, one.status, bool(one.because_of)) for one in (cause, effect)] == [
        ("loss", Status.FAILED, False),
        ("matrix", Status.FAILED, True),
    ]
    assert effect.detail == (
        "connections or transfers fail on the way from w3 on front, vault, where packets of all sizes get lost"
    )


def test_a_line_on_which_one_network_loses_everything_follows_from_its_loss_on_another() -> None:
    said = lossy(shop(), {("w3", "w1"): 0.4})
    silent: JsonObject = {"sent": FEW, "came": 0, "tries": FEW}
    for key in ("loss/vault", "loss/vault/again"):
        said["w3", key].value["targets"]["w1"] = silent  # type: ignore[index,call-overload]
    found = [(one.subject, one.status, bool(one.because_of)) for one in bad(shop(), said)]
    assert found[0] == ("w3 -> w1", Status.FAILED, False)
    assert found[1:] == [("network vault", Status.INCONCLUSIVE, True)]


@pytest.mark.parametrize(("tries", "cause"), [(4, "loss"), (1, "mtu")])
def test_where_loss_was_not_measured_only_small_packets_that_passed_at_once_make_size_the_cause(
    tries: int, cause: str
) -> None:
    said = failing(lossy(make_setup(), {}), "transfer", [("w1", "w2")])
    said["w1", "udp/front"].value["targets"]["w2"]["tries"] = tries  # type: ignore[index,call-overload]
    (verdict,) = bad(make_setup(), said, measured=False)
    assert (verdict.cause, "full-size" in verdict.detail) == (cause, cause == "mtu")


def test_a_lossy_line_makes_all_lines_of_its_two_hosts_be_measured() -> None:
    """One that loses a tenth answers all of a few datagrams one time in eight; its neighbour gives it away."""
    cluster, said = make_setup(), lossy(make_setup(), {("w1", "w2"): 0.1})
    said["w1", "loss/front"].value["targets"]["w2"]["came"] = FEW  # type: ignore[index,call-overload]
    known = {place: answer for place, answer in said.items() if place[1] == "loss/front"}
    again = [one for one in Loss().ask(cluster, known) if one.key == "loss/front/again"]
    assert {one.host: set(one.task["targets"]) for one in again if isinstance(one, ProbeTask)} == {  # type: ignore[arg-type]
        host: set(HOSTS) - {host} for host in HOSTS
    }


@pytest.mark.parametrize("look", ["first", "close"])
@pytest.mark.parametrize(("hosts", "overlays"), [(2, 1), (3, 4), (3, 50), (5, 5), (20, 50), (100, 1)])
def test_a_host_sends_a_bounded_number_of_datagrams_in_a_second_however_many_lines_it_has(
    look: str, hosts: int, overlays: int
) -> None:
    """Five hosts with four encrypted overlays on two processors lost a tenth of what verify itself sent at once."""
    nets = [network(f"net{index}") for index in range(overlays)]
    cluster, again = make_setup(hosts, nets), look == "close"
    known = answers(cluster)
    if again:
        names = [probe.host for probe in cluster.probes]
        lost: JsonObject = {peer: {"sent": FEW, "came": FEW - 1, "tries": FEW} for peer in names}
        known |= {(host, f"loss/{net.spec.name}"): Answer({"targets": lost}) for host in names for net in nets}
    asked = [one for one in Loss().ask(cluster, known) if isinstance(one, ProbeTask)]
    mine = [one.task for one in asked if one.host == "w1" and one.key.endswith("again") == again]

    assert len(mine) == overlays
    assert {one["count"] for one in mine} == {MANY if again else FEW}
    assert all(one.task["network"] == one.key for one in asked), "what arrives is counted under it"
    lines = overlays * (hosts - 1)
    assert {len(one["targets"]) for one in mine} == {hosts - 1}  # type: ignore[arg-type]
    (spacing,) = {one["spacing"] for one in mine}
    assert isinstance(spacing, float)
    assert lines / spacing <= RATE * 1.02
    assert spacing == pytest.approx(max(LEAST_SPACING, lines / RATE), abs=0.001)


def test_a_datagram_that_was_sent_again_before_makes_its_line_be_measured() -> None:
    """F4: tries are counted."""
    cluster, said = make_setup(), lossy(make_setup(), {})
    said["w1", "udp/front"].value["targets"]["w2"]["tries"] = 4  # type: ignore[index,call-overload]
    known = {place: answer for place, answer in said.items() if not place[1].endswith("again")}
    again = [one for one in Loss().ask(cluster, known) if one.key == "loss/front/again"]
    assert [(one.host, one.task["targets"]) for one in again if isinstance(one, ProbeTask)] == [
        ("w1", {"w2": "10.0.0.2"})
    ]


def test_lines_without_a_probe_are_not_said_to_lose_nothing() -> None:
    setup = make_setup(down=("w3",))
    (verdict,) = Loss().judge(setup, lossy(setup, {})).verdicts
    assert verdict.detail == "2 of 6 lines were measured and lose nothing"


def test_a_line_on_which_nothing_comes_is_not_measured_and_says_so() -> None:
    (verdict,) = Loss().judge(make_setup(), lossy(make_setup(), {("w1", "w2"): 1.0})).verdicts
    assert (verdict.status, "no answer came at all" in verdict.detail) == (Status.INCONCLUSIVE, True)
