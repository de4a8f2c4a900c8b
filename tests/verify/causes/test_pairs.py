"""Answers of all probes, to one verdict a cause."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.verify.causes.failed_pairs import refine
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.keys import CHECKSUMS, ESP
from swarmnet.verify.scenario import Answer, ProbeTask
from swarmnet.verify.scenarios.pairs.matrix import HOPELESS, IcmpMatrix, TcpMatrix, UdpMatrix
from tests.support.setups import NO_ESP, answers, make_setup, network

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Answers, Setup

SCENARIOS = (IcmpMatrix(), UdpMatrix(), TcpMatrix())


def causes(cluster: Setup, said: Answers) -> tuple[Verdict, ...]:
    matrices = [matrix for one in SCENARIOS for matrix in one.judge(cluster, said).matrices]
    return explain(cluster, said, matrices)


def test_nothing_is_explained_where_nothing_failed() -> None:
    assert causes(make_setup(), answers(make_setup())) == ()


def test_one_blocked_direction_is_one_verdict_that_names_it() -> None:
    (verdict,) = causes(make_setup(), answers(make_setup(), [("w1", "w2")]))
    assert verdict.detail.startswith("nothing that w1 sends over UDP 4789 reaches w2")
    assert verdict.evidence["pairs"] == [["w1", "w2"]]
    assert verdict.fix is not None
    assert verdict.fix.startswith("allow UDP 4789 from w1 to w2")


def test_an_underlay_that_carries_no_vxlan_at_all_may_use_the_port_itself() -> None:
    """F19."""
    cluster = make_setup()
    (verdict,) = causes(cluster, answers(cluster, [(a.host, b.host) for a in cluster.probes for b in cluster.probes]))
    assert verdict.evidence["cause"] == "underlay-all"
    assert "docker swarm init --data-path-port" in str(verdict.fix)


def test_a_host_that_hears_nothing_is_named_once_for_all_networks() -> None:
    cluster = make_setup(4, (network("back"), network("front")))
    (verdict,) = causes(cluster, answers(cluster, [("w1", "w2"), ("w3", "w2"), ("w4", "w2")]))
    assert verdict.detail.startswith("w2 receives nothing from any other host over UDP 4789 (explains 6")
    assert verdict.subject == "networks back, front"


def test_one_failing_network_next_to_a_healthy_one_is_not_blamed_on_the_underlay() -> None:
    cluster = make_setup(3, (network("back"), network("front")))
    (verdict,) = causes(cluster, answers(cluster, [("w1", "w2")], on=["front"]))
    assert verdict.evidence["cause"] == "network-one-way"
    assert verdict.fix is not None
    assert "back works" in verdict.fix


def test_an_encrypted_network_alone_points_at_esp() -> None:
    cluster = make_setup(3, (network("plain"), network("safe", encrypted=True)))
    everywhere = [(a.host, b.host) for a in cluster.probes for b in cluster.probes if a != b]
    (verdict,) = causes(cluster, answers(cluster, everywhere, on=["safe"], esp={"exit": 0, "stdout": "", "stderr": ""}))
    assert verdict.status is Status.FAILED
    assert "ESP (IP protocol 50)" in verdict.detail


def test_a_kernel_that_refuses_esp_makes_the_encrypted_network_inconclusive() -> None:
    cluster = make_setup(3, (network("safe", encrypted=True),))
    everywhere = [(a.host, b.host) for a in cluster.probes for b in cluster.probes if a != b]
    said = answers(cluster, everywhere, esp=NO_ESP)
    (verdict,) = causes(cluster, said)
    assert verdict.status is Status.INCONCLUSIVE
    assert "the kernel of w1, w2, w3 cannot do ESP" in verdict.detail
    matrix = refine(cluster, said, UdpMatrix().matrix(cluster, said, "safe"))
    assert matrix.counts() == {Status.INCONCLUSIVE: 6}


def test_pairs_that_no_kernel_can_carry_are_asked_for_a_moment_only() -> None:
    cluster = make_setup(3, (network("plain"), network("safe", encrypted=True)))
    asked = UdpMatrix().ask(cluster, {("w1", ESP.name): Answer(NO_ESP)})
    limits = {(one.host, one.key): one.task.get("limit") for one in asked if isinstance(one, ProbeTask)}
    assert [place for place, limit in limits.items() if limit == HOPELESS] == [("w1", "udp/safe")]
    assert len(limits) == 6


def test_kernels_are_tried_before_the_pairs_only_where_a_network_is_encrypted() -> None:
    assert UdpMatrix().preconditions(make_setup(3)) == ()
    asked = UdpMatrix().preconditions(make_setup(3, (network("safe", encrypted=True),)))
    assert [(one.host, one.key) for one in asked] == [("w1", ESP.name), ("w2", ESP.name), ("w3", ESP.name)]


def test_a_host_that_could_not_be_looked_at_proves_nothing_about_esp() -> None:
    cluster = make_setup(3, (network("safe", encrypted=True),))
    said = answers(cluster, [("w1", "w2")], esp={"exit": 127, "stdout": "", "stderr": "unshare: not found"})
    assert [verdict.status for verdict in causes(cluster, said)] == [Status.FAILED]


def test_a_transfer_that_stalls_while_small_packets_pass_points_at_the_mtu() -> None:
    cluster = make_setup()
    said = answers(cluster)
    stalled: JsonObject = {"ok": False, "stage": "transfer", "why": "no answer", "tries": 2}
    said["w1", "tcp/front"].value["targets"]["w3"] = stalled  # type: ignore[index,call-overload]
    (verdict,) = causes(cluster, said)
    assert verdict.evidence["cause"] == "mtu-one-way"


def test_a_host_without_a_probe_makes_its_row_and_column_inconclusive_and_nothing_else() -> None:
    cluster = make_setup(3, down=["w3"])
    said = answers(cluster)
    matrix = UdpMatrix().matrix(cluster, said, "front")
    assert matrix.counts() == {Status.OK: 2, Status.INCONCLUSIVE: 4}
    assert causes(cluster, said) == ()


def test_an_answer_from_someone_else_is_a_failure() -> None:
    cluster = make_setup()
    said = answers(cluster)
    wrong: JsonObject = {"ok": True, "tries": 1, "ms": 0.1, "id": "w2"}
    said["w1", "udp/front"].value["targets"]["w3"] = wrong  # type: ignore[index,call-overload]
    cell = UdpMatrix().matrix(cluster, said, "front").cells["w1"]["w3"]
    assert (cell.status, "two containers use" in cell.detail) == (Status.FAILED, True)


def test_only_failures_make_a_second_round() -> None:
    cluster, fine = make_setup(), answers(make_setup())
    assert {question.key for question in UdpMatrix().ask(cluster, {})} == {"udp/front"}
    assert {question.key for question in UdpMatrix().ask(cluster, fine)} == {"udp/front"}
    broken = answers(cluster, [("w1", "w2")])
    assert {question.key for question in UdpMatrix().ask(cluster, broken)} == {"udp/front", "udp/front/again"}
    broken |= {(host, "udp/front/again"): broken[host, "udp/front"] for host in ("w1", "w2")}
    seen = {"udp/front", "udp/front/again", "heard", "neighbours", "checksums"}
    assert {question.key for question in UdpMatrix().ask(cluster, broken)} == seen


def learned(cluster: Setup, unknown: dict[str, set[str]]) -> Answers:
    """Return what each probe's kernel knows of the others: all but those in ``unknown``."""
    found: Answers = {}
    for source in cluster.ready:
        known: JsonObject = {
            target.addresses[name]: target.host not in unknown.get(source.host, ())
            for target in cluster.ready
            for name in target.addresses
        }
        found[source.host, "neighbours"] = Answer({"known": known})
    return found


def test_a_host_that_has_not_learned_of_others_is_distinguished_from_one_whose_packets_get_lost() -> None:
    cluster = make_setup()
    cut = [("w3", "w1"), ("w3", "w2"), ("w1", "w3"), ("w2", "w3")]
    (deaf,) = causes(
        cluster, answers(cluster, cut) | learned(cluster, {"w3": {"w1", "w2"}, "w1": {"w3"}, "w2": {"w3"}})
    )
    (lost,) = causes(cluster, answers(cluster, cut) | learned(cluster, {}))
    assert deaf.evidence["cause"] == "gossip-isolated"
    assert "w3 is cut off" in deaf.detail
    assert "has not learned where" in deaf.detail
    assert deaf.fix is not None
    assert deaf.fix.startswith("open 7946 tcp and udp to and from w3")
    assert lost.evidence["cause"] == "underlay-isolated"


def test_gossip_and_a_blocked_port_are_two_causes_each_with_its_own_pairs() -> None:
    cluster = make_setup(4)
    cut = [("w1", "w2"), ("w3", "w4")]
    found = causes(cluster, answers(cluster, cut) | learned(cluster, {"w1": {"w2"}}))
    assert {(one.evidence["cause"], str(one.evidence["pairs"])) for one in found} == {
        ("gossip-one-way", "[['w1', 'w2']]"),
        ("underlay-one-way", "[['w3', 'w4']]"),
    }


def test_entries_that_one_network_lacks_next_to_a_healthy_one_are_not_a_fault_of_gossip() -> None:
    cluster = make_setup(3, (network("back"), network("safe", encrypted=True)))
    said = answers(cluster, [("w1", "w2")], on=["safe"]) | learned(cluster, {"w1": {"w2"}})
    (verdict,) = causes(cluster, said)
    assert verdict.evidence["cause"] == "network-one-way"
    assert verdict.fix is not None
    assert "gossip passes" in verdict.fix


def test_a_probe_that_tells_nothing_of_its_neighbours_is_not_called_unlearned() -> None:
    cluster = make_setup()
    silent = answers(cluster, [("w1", "w2")]) | {("w1", "neighbours"): Answer({}, problem="it is gone")}
    (verdict,) = causes(cluster, silent)
    assert verdict.evidence["cause"] == "underlay-one-way"


def test_pairs_that_failed_are_asked_once_more_alone_and_then_count() -> None:
    """F12: with everything asked at once, a slow host with many overlays runs out of time."""
    cluster, said = make_setup(), answers(make_setup(), [("w1", "w2")])
    again = {(one.host, one.key): one for one in UdpMatrix().ask(cluster, said) if one.key.endswith("/again")}
    assert set(again) == {("w1", "udp/front/again"), ("w2", "udp/front/again")}
    (first, *_) = again.values()
    assert isinstance(first, ProbeTask)
    assert first.task["targets"] == {"w2": "10.0.0.2"}
    fine: JsonObject = {"ok": True, "why": "", "tries": 1, "ms": 0.4}
    late = {place: Answer({"targets": {p: {**fine, "id": p}}}) for place, p in zip(again, ("w2", "w1"), strict=True)}
    assert UdpMatrix().matrix(cluster, {**said, **late}, "front").counts() == {Status.OK: 6}
    assert "heard" not in {one.key for one in UdpMatrix().ask(cluster, {**said, **late})}


def test_a_full_neighbour_table_is_one_cause_for_all_pairs_and_networks_with_the_command() -> None:
    """F3: 149 of 155 pairs were as many causes, and UDP 4789 was blamed."""
    cluster = make_setup(20, (network("back"), network("front")))
    full = {f"w{n}" for n in range(1, 13)}
    hosts = [one.host for one in cluster.probes]
    lost = [(one, other) for one in hosts for other in hosts if one != other and (one in full or other in full)]
    said = answers(cluster, lost)
    for (host, key), answer in said.items():
        targets = answer.value.get("targets")
        if host in full and isinstance(targets, dict) and key.startswith(("icmp", "udp")):
            targets |= {peer: {**REFUSED} for peer in targets}
    (verdict,) = causes(cluster, said)
    assert verdict.evidence["cause"] == "neighbour-table-full"
    assert verdict.evidence["hosts"] == sorted(full)
    limits = ("gc_thresh1=8192", "gc_thresh2=49152", "gc_thresh3=65536")
    assert verdict.evidence["commands"] == [f"sysctl -w {' '.join(f'net.ipv4.neigh.default.{one}' for one in limits)}"]


REFUSED: JsonObject = {"ok": False, "why": "No buffer space available", "errno": errno.ENOBUFS, "tries": 9}


def test_wrong_checksums_are_the_cause_where_echoes_pass_and_the_receiver_counts_them() -> None:
    """F18."""
    cluster = make_setup()
    said = answers(cluster, [("w1", "w2")])
    whole = answers(cluster)
    echoes = {place: one for place, one in whole.items() if place[1].startswith("icmp")}
    (underlay,) = causes(cluster, said | echoes)
    assert underlay.cause == "underlay"
    counted = {("w2", CHECKSUMS.name): Answer({"udp": {"InCsumErrors": 7}, "tcp": {"InCsumErrors": 2}})}
    (verdict,) = causes(cluster, said | echoes | counted)
    assert (verdict.cause, verdict.evidence["hosts"], verdict.evidence["pairs"]) == (
        "checksums",
        ["w1"],
        [["w1", "w2"]],
    )
    assert "InCsumErrors: w2 9" in verdict.detail
