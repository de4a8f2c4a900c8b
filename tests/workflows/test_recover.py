"""Swarms that begin again from one manager, on simulated hosts: what is kept, what is refused, what comes back."""

from __future__ import annotations

import gzip
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import RefusedError, SwarmnetError, UsageError
from swarmnet.model.hosts import Role
from swarmnet.model.swarm import SwarmSpec
from swarmnet.operations.swarm.recover import RecoverSwarm
from swarmnet.plan.quorum import Wish
from swarmnet.workflows.fleet.observe import observe
from swarmnet.workflows.recover import recover
from tests.simulator import World
from tests.simulator.shell import grep, real_sh
from tests.support.goals import No, operator, run, terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.report import ApplyReport
    from swarmnet.workflows.apply import Terms
    from tests.simulator.machine import Machine

SITE = """\
schema: 1
name: site
steps:
  - swarm: {}
  - network: {name: front, attachable: true, subnets: [{subnet: 10.20.0.0/24}]}
  - service: {name: web, image: web:1, replicas: 2, networks: [front]}
"""


KEY = "/var/lib/docker/swarm/certificates/swarm-node.key"


def lost(*hosts: str, managers: int = 3, spec: SwarmSpec | None = None) -> World:
    """Return a cluster with a network and a service, of which some managers lost their power."""
    world = World(managers=managers, workers=1)
    world.bootstrap(spec or SwarmSpec())
    run(world, SITE if spec is None else SITE.replace("swarm: {}", "swarm: {autolock: true, unlock_key_file: key}"))
    for host in hosts:
        world.kill(host)
    world.requests.clear()
    return world


def from_m2(world: World, *dead: str, archive: str | None = None, by: Terms | None = None) -> ApplyReport:
    return recover(world.ports(), Wish("m2", frozenset(dead), archive), by or terms())


def next_run() -> Terms:
    """Return the terms of a run after one that died."""
    return replace(terms(), operator=operator("t2", alive=False))


def no_key(machine: Machine, argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
    """Be a ``grep`` that may not read the key of the node."""
    return (2, b"", b"Permission denied") if KEY in argv else grep(machine, argv, stdin)


def holds_log(world: World, host: str, index: int) -> None:
    """Give a host a log that ends at this index of term 2."""
    record = bytes([0x08, 2, 0x10, 0, 0x1A, 6, 0x08, 0, 0x10, 2, 0x18, index])
    printed = b"0000000000000000-0000000000000000.wal\n" + gzip.compress(len(record).to_bytes(8, "little") + record)

    def sh(machine: Machine, argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
        return (0, printed, b"") if argv[-1].endswith("wal-v3-encrypted") else real_sh(machine, argv, stdin)

    world.machines[host].programs["sh"] = sh


def members(world: World) -> set[tuple[str, str]]:
    return {(node.hostname, str(node.spec.role)) for node in world.engine("m2").nodes.list()}


def test_a_swarm_begins_again_from_one_of_three_with_all_that_it_held() -> None:
    world = lost("m1", "m3")
    before = world.machines["w1"].store
    assert before is not None
    report = from_m2(world, "m1", "m3")
    assert report.exit_code == 0
    assert members(world) == {("m2", "manager"), ("w1", "worker")}
    after = world.store("m2")
    assert (after.id, after.networks.keys(), after.services.keys()) == (
        before.id,
        before.networks.keys(),
        before.services.keys(),
    )


def test_a_second_run_has_nothing_to_do() -> None:
    world = lost("m1", "m3")
    from_m2(world, "m1", "m3")
    world.requests.clear()
    assert from_m2(world, "m1", "m3").outcomes == ()
    assert world.writes == []


def test_one_of_two_is_enough() -> None:
    world = lost("m1", managers=2)
    assert from_m2(world, "m1").exit_code == 0
    assert members(world) == {("m2", "manager"), ("w1", "worker")}


def test_another_manager_that_is_left_leaves_the_old_swarm_and_joins_the_new_one() -> None:
    world = lost("m1", "m3", "m4", managers=5)
    assert from_m2(world, "m1", "m3", "m4").exit_code == 0
    assert members(world) == {("m2", "manager"), ("m5", "manager"), ("w1", "worker")}
    assert world.store("m5") is world.store("m2")


def test_lost_managers_that_elect_a_leader_of_the_old_swarm_come_back_with_the_same_command() -> None:
    world = lost("m1", "m3")
    from_m2(world, "m1", "m3")
    world.revive("m1")
    world.revive("m3")
    world.settle()
    assert world.engine("m1").facts().membership.is_manager, "two swarms with one id"
    assert from_m2(world, "m1", "m3").exit_code == 0
    assert members(world) == {(name, "manager") for name in ("m1", "m2", "m3")} | {("w1", "worker")}
    assert {id(world.store(host)) for host in ("m1", "m2", "m3", "w1")} == {id(world.store("m2"))}
    assert observe(world.ports()).failures == ()


def test_a_manager_whose_engine_does_not_answer_in_time_while_it_leaves_joins_the_new_swarm() -> None:
    """Seen once, on a busy host after a power cut: no answer for 75 s."""
    world = lost("m1", "m3", "m4", managers=5)
    world.lost_answers.append("swarm.leave")
    assert from_m2(world, "m1", "m3", "m4").exit_code == 0
    assert world.store("m5") is world.store("m2")


def test_a_manager_that_was_rebuilt_joins() -> None:
    world = lost("m1", "m3")
    world.wipe("m1")
    assert from_m2(world, "m3").exit_code == 0
    assert members(world) == {("m1", "manager"), ("m2", "manager"), ("w1", "worker")}


def test_the_manager_with_the_newest_log_is_asked_for() -> None:
    world = lost("m1", "m3", "m4", managers=5)
    holds_log(world, "m2", 40)
    holds_log(world, "m5", 41)
    with pytest.raises(RefusedError, match="m5 holds a newer log of the swarm than m2: term 2, index 41") as caught:
        from_m2(world, "m1", "m3", "m4")
    assert caught.value.hint == "begin with --from m5"
    assert world.writes == []


def test_the_newest_log_is_taken_without_a_warning_and_one_that_cannot_be_read_is_named() -> None:
    world = lost("m1", "m3", "m4", managers=5)
    holds_log(world, "m2", 41)
    unread, read = No(), No()
    with pytest.raises(RefusedError, match="the answer was not"):
        from_m2(world, "m1", "m3", "m4", by=terms(consent=unread))
    assert "the log of m5 could not be read" in str(unread.shown[0].plan.warnings)
    holds_log(world, "m5", 41)
    with pytest.raises(RefusedError, match="the answer was not"):
        from_m2(world, "m1", "m3", "m4", by=terms(consent=read))
    assert "could not be read" not in str(read.shown[0].plan.warnings)


@pytest.mark.parametrize(
    ("kept", "address"),
    [
        (b'{"AdvertiseAddr": "10.9.0.2", "DataPathAddr": "192.0.2.7"}', "192.0.2.7"),
        (b'{"AdvertiseAddr": "10.9.0.2", "DataPathAddr": ""}', None),
        (b'{"DataPathAddr": "eth1; reboot"}', None),
        (b'{"DataPathAddr": ["192.0.2.7"]}', None),
        (b"{", None),
        (b"", None),
    ],
)
def test_the_address_for_vxlan_stays_what_it_was(kept: bytes, address: str | None) -> None:
    world = lost("m1", "m3")
    world.machines["m2"].files["/var/lib/docker/swarm/docker-state.json"] = kept
    consent = No()
    with pytest.raises(RefusedError, match="the answer was not"):
        from_m2(world, "m1", "m3", by=terms(consent=consent))
    (action,) = (one for one in consent.shown[0].plan.actions if isinstance(one, RecoverSwarm))
    assert action.data_path == address


def test_labels_of_removed_entries_are_reported() -> None:
    world = lost()
    store = world.store("m2")
    node = next(one for one in store.nodes.values() if one.host == "m3")
    node.spec = node.spec.model_copy(update={"labels": {"zone": "a", "disk": "ssd"}})
    world.kill("m1")
    world.kill("m3")
    events: list[object] = []
    recover(world.ports(listener=events.append), Wish("m2", frozenset({"m1", "m3"})), terms())
    assert any("had the labels disk=ssd, zone=a" in str(event) for event in events)


def test_the_state_of_the_survivor_is_kept_before_anything_changes() -> None:
    world = lost("m1", "m3")
    node = world.machines["m2"].node_id
    from_m2(world, "m1", "m3", archive="raft.age")
    assert world.archives == {"raft.age": f"state of {node}".encode()}
    kinds = [request.verb for request in world.requests if request.verb in ("shell", "swarm.recover")]
    assert kinds.index("swarm.recover") > kinds.index("shell")


def test_nothing_changes_when_the_state_cannot_be_kept() -> None:
    world = lost("m1", "m3")
    world.archives["raft.age"] = b"another"
    assert from_m2(world, "m1", "m3", archive="raft.age").exit_code == 1
    assert not [request for request in world.requests if request.verb == "swarm.recover"]


@pytest.mark.parametrize("dead", [(), ("m1",)], ids=["all are well", "a majority is left"])
def test_nothing_is_done_while_the_survivor_answers_with_others(dead: Sequence[str]) -> None:
    world = lost(*dead)
    assert from_m2(world, *dead).outcomes == ()
    assert world.writes == []


def test_a_silent_manager_must_be_named_as_lost() -> None:
    world = lost("m1", "m3")
    with pytest.raises(RefusedError, match="may be alive") as caught:
        from_m2(world, "m1")
    assert caught.value.hint == "when they are dead for good, or switched off, add --lost m3"
    assert world.writes == []


def test_a_majority_that_only_needs_its_engines_is_brought_back_first() -> None:
    world = lost("m1")
    for host in ("m2", "m3"):
        world.stop_engine(host)
    world.start_engine("m2")
    world.machines["m3"].engine_running, world.machines["m3"].locked = True, True
    with pytest.raises(RefusedError, match="2 of 3 managers, which is a majority"):
        from_m2(world, "m1")
    assert world.writes == []


def test_a_majority_that_answers_without_the_survivor_is_named() -> None:
    world = lost()
    world.machines["m2"].locked = True
    with pytest.raises(RefusedError, match="m2 is locked"):
        from_m2(world)


def test_a_survivor_that_lost_the_swarm_holds_nothing() -> None:
    world = lost("m1", "m3")
    world.wipe("m2")
    with pytest.raises(RefusedError, match="m2 is in no swarm"):
        from_m2(world, "m1", "m3")


def test_a_survivor_without_power_is_named() -> None:
    with pytest.raises(RefusedError, match="m2 does not answer by SSH: no route to host"):
        from_m2(lost("m1", "m2", "m3"), "m1", "m3")


def test_a_worker_holds_no_state() -> None:
    with pytest.raises(UsageError, match="w1 is not a manager"):
        recover(lost("m1", "m3").ports(), Wish("w1", frozenset({"m1", "m3"})), terms())


def test_an_autolocked_swarm_is_refused_since_no_engine_begins_it_again() -> None:
    world = lost("m1", "m3", spec=SwarmSpec(autolock=True))
    with pytest.raises(RefusedError, match="engines cannot begin such a swarm again"):
        from_m2(world, "m1", "m3")
    assert world.writes == []


def test_a_key_that_cannot_be_read_is_taken_for_an_encrypted_one() -> None:
    world = lost("m1", "m3")
    world.machines["m2"].programs["grep"] = no_key
    with pytest.raises(RefusedError, match="the swarm may be autolocked"):
        from_m2(world, "m1", "m3")
    assert world.writes == []


@pytest.mark.parametrize("requests", range(1, 40))
def test_a_run_that_dies_anywhere_is_finished_by_the_next(requests: int) -> None:
    world = lost("m1", "m3", "m4", managers=5)
    world.vanish_after("m2", requests)
    with suppress(SwarmnetError):
        from_m2(world, "m1", "m3", "m4")
    world.revive("m2")
    from_m2(world, "m1", "m3", "m4", by=next_run())
    assert members(world) == {("m2", "manager"), ("m5", "manager"), ("w1", "worker")}
    managers = [node for node in world.store("m2").nodes.values() if node.spec.role is Role.MANAGER]
    assert all(node.in_raft for node in managers)


def test_the_survivor_is_asked_once_how_it_is_before_the_look_that_every_run_takes() -> None:
    world = lost("m1", "m3")
    with pytest.raises(RefusedError, match="the answer was not"):
        from_m2(world, "m1", "m3", by=terms(consent=No()))
    assert [one.verb for one in world.requests if one.host == "m2"].count("facts") == 2
