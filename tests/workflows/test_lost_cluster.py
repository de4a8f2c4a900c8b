"""Every command that talks to hosts, with the quorum lost, all managers locked, and a dead leader (C12, B16, E2)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.edge.operator.requests import RequestCounter
from swarmnet.errors import IncompleteError, RefusedError, SwarmnetError
from swarmnet.model.backup import Reason
from swarmnet.model.base import Secret
from swarmnet.model.events import ignore
from swarmnet.model.expectation import Party, PartyKind
from swarmnet.model.packages import PackageQuestion
from swarmnet.model.standing import answered
from swarmnet.model.swarm import SwarmSpec
from swarmnet.plan.engines import EngineWish
from swarmnet.plan.guard import Permissions
from swarmnet.plan.nodes import activated, demoted, drained, promoted, removed
from swarmnet.plan.quorum import Wish as Recovery
from swarmnet.plan.recovery.describe import document
from swarmnet.plan.recovery.raft import RaftWish
from swarmnet.plan.recovery.steps import Choices
from swarmnet.plan.replace import replaced
from swarmnet.plan.reset import reset
from swarmnet.plan.rotate import rotated_ca, rotated_tokens, rotated_unlock_key
from swarmnet.verify.checks import CHECKS
from swarmnet.verify.checks.planned import planned_of
from swarmnet.verify.checks.story import CheckOptions, check
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions, verify
from swarmnet.verify.tracing.story import trace
from swarmnet.verify.tracing.wish import TraceWish
from swarmnet.workflows import in_swarm
from swarmnet.workflows.apply import Goal, apply, prepare
from swarmnet.workflows.backup import Order, compare_with_live, create, undisturbed
from swarmnet.workflows.bundle.collect import BundleWish, collect
from swarmnet.workflows.engines import engine_goal
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.lock.holders import holders, visible
from swarmnet.workflows.lose import Wish, lose
from swarmnet.workflows.raft import RaftOrder, archive, bring_back
from swarmnet.workflows.recover import recover
from swarmnet.workflows.restore import Restore, run, take_back
from swarmnet.workflows.rollback import rollback
from swarmnet.workflows.service_log import ServiceLog
from swarmnet.workflows.unlock import unlock
from tests.cli.test_options import LEAVES
from tests.simulator import World
from tests.support.backups import CREATED
from tests.support.goals import goal, operator, terms
from tests.support.packages import with_apt
from tests.support.raft_archives import a_manifest
from tests.support.reports import status_text
from tests.support.simulated_probe import KIT, this_run
from tests.workflows.test_backup import VAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.plan import Plan
    from swarmnet.model.ports import Ports

DRAIN = "schema: 1\nname: drain\nsteps:\n  - node: {availability: drain}\n    on: [w1]\n"
BACKUP_ID = "ab" * 16
NO_QUORUM = "1 of 3 managers answers, no quorum: start m1 and m2"
LOCKED = "m1, m2 and m3 are locked, and no manager answers for the swarm"


def saved() -> BackupDocument:
    world = World(managers=3, workers=1)
    world.bootstrap()
    return document(observe(world.ports()), cluster="sim", backup_id=BACKUP_ID, created=CREATED, tool="test")


def restoring(ports: Ports) -> Restore:
    return Restore(saved(), ports.inventory, Choices(mapping={}, secrets={}))


def take(ports: Ports) -> object:
    order = Order("sim", BACKUP_ID, CREATED, "test", inventory=ports.inventory)
    look = lambda: undisturbed(ports, Look(containers=True), operator())  # noqa: E731
    with TemporaryDirectory() as folder:
        repository = DirectoryRepository(Path(folder) / "backups")
        return create(order, look, vault=VAULT, repository=repository, listener=ignore)


def take_raft(ports: Ports) -> object:
    order = RaftOrder(BACKUP_ID, CREATED, "test", Reason.MANUAL)
    with TemporaryDirectory() as folder:
        repository = DirectoryRepository(Path(folder) / "backups")
        by = operator()
        return archive(ports, order, vault=VAULT, repository=repository, operator=by, agree=lambda _chosen: None)


def look_at_hosts(ports: Ports) -> object:
    state = observe(ports)
    planned = planned_of(ports.inventory, state)
    wish = CheckOptions(CHECKS, planned, tuple(host.name for host in ports.inventory.hosts))
    return check(ports, state, wish, kit=KIT, run=this_run())


def look_for_locks(ports: Ports) -> object:
    state = observe(ports)
    visible(state, ports.inventory)
    return holders(ports, state)


def whole_look(ports: Ports) -> object:
    """Look as the commands do that show the cluster: without a manager's word there is nothing to show."""
    state = observe(ports, Look(containers=True))
    answered(state, ports.inventory)
    return state


def take_apart(ports: Ports) -> object:
    plan = lambda state: reset(state, ports.inventory)  # noqa: E731
    return apply(ports, Goal(plan, Look(), Permissions(dissolve=True), "reset"), terms())


def of_node(ports: Ports, planner: Callable[..., Plan]) -> object:
    plan = lambda state: planner("w1", state, ports.inventory)  # noqa: E731
    return prepare(ports, Goal(plan, Look(), Permissions(allow_missing=True), "node"))


def rotating(ports: Ports, planner: Callable[..., Plan]) -> object:
    return prepare(ports, Goal(partial(planner, inventory=ports.inventory), Look(), Permissions(), "rotate"))


def engines(ports: Ports, *, installs: bool = False) -> Goal:
    hosts = frozenset(host.name for host in ports.inventory.hosts)
    return engine_goal(EngineWish(PackageQuestion(hosts, installs=installs), named=False), ports.inventory)


def status(ports: Ports) -> str:
    return status_text(observe(ports), ports.inventory)


MANIFEST = a_manifest(cluster="sim", host="m3", address="10.0.0.9")
LOOK = TraceWish(Party(kind=PartyKind.SERVICE, name="web"))
COMMANDS: dict[str, Callable[[Ports], object]] = {
    "plan": lambda ports: prepare(ports, goal(ports.inventory)),
    "plan of a drain": lambda ports: prepare(ports, goal(ports.inventory, DRAIN)),
    "apply": lambda ports: apply(ports, goal(ports.inventory, permissions=Permissions(allow_missing=True)), terms()),
    "status": status,
    "verify": lambda ports: verify(ports, observe(ports), VerifyOptions(ALL), kit=KIT, run=this_run()),
    "watch": lambda ports: verify(ports, observe(ports), VerifyOptions(ALL), kit=KIT, run=this_run()),
    "check": look_at_hosts,
    "trace": lambda ports: trace(ports, observe(ports), LOOK, kit=KIT, run=this_run()),
    "backup create": take,
    "backup diff": lambda ports: compare_with_live(saved(), ports, {}),
    "restore plan": lambda ports: prepare(ports, restoring(ports).goal(Permissions())),
    "restore apply": lambda ports: run(ports, restoring(ports), terms(), permissions=Permissions(), prove=None),
    "restore resume": lambda ports: run(ports, restoring(ports), terms(), permissions=Permissions(), prove=None),
    "restore undo": lambda ports: take_back(ports, ports.inventory, BACKUP_ID, terms(), allow_missing=True),
    "lock status": look_for_locks,
    "lock break": look_for_locks,
    "unlock": lambda ports: unlock(ports, Secret("SWMKEY-1-wrong"), [host.name for host in ports.inventory.hosts]),
    "reset": take_apart,
    "drill lose": lambda ports: lose(ports, Wish("w1"), terms, terms, RequestCounter()),
    "adopt": whole_look,
    "ipam": whole_look,
    "bundle": lambda ports: collect(ports, observe(ports), BundleWish(("m1", "m3"), 60)),
    **dict.fromkeys(("schedule status", "schedule run", "schedule remove"), in_swarm.asked),
    **dict.fromkeys(("show networks", "show network", "show service", "show host"), whole_look),
    **dict.fromkeys(("show stack", "show names", "show ports", "show volumes"), whole_look),
    "logs": lambda ports: ServiceLog.of(ports, ["web"], tail=None, since=None),
    "rollback": lambda ports: prepare(ports, rollback(ports, "web")),
    "backup raft": take_raft,
    "restore raft": lambda ports: bring_back(ports, RaftWish(MANIFEST, "archive", "m3"), terms()),
    "recover quorum": lambda ports: recover(ports, Recovery("m3"), terms()),
    "rotate tokens": lambda ports: rotating(ports, rotated_tokens),
    "rotate ca": lambda ports: rotating(ports, rotated_ca),
    "rotate unlock-key": lambda ports: rotating(ports, partial(rotated_unlock_key, "key")),
    "engine install": lambda ports: prepare(ports, engines(ports, installs=True)),
    "engine upgrade": lambda ports: prepare(ports, engines(ports)),
    "node drain": lambda ports: of_node(ports, drained),
    "node activate": lambda ports: of_node(ports, activated),
    "node promote": lambda ports: of_node(ports, promoted),
    "node demote": lambda ports: of_node(ports, demoted),
    "node remove": lambda ports: of_node(ports, removed),
    "node replace": lambda ports: of_node(ports, partial(replaced, "w1")),
}
"""What each command does on hosts, by the words that are typed."""
SPEAK_OTHERWISE = {
    *("check", "status", "verify", "watch", "bundle", "unlock", "reset"),
    *("recover quorum", "engine install", "restore raft"),
}
"""Commands whose answer is not an error, or that are there for just that state."""
OUTSIDE = {"history diff", "history list", "lab up", "restore verify", "schedule install", "trust"}
"""Commands that write an inventory, only read it, or only log in."""


def lost() -> World:
    world = World(managers=3, workers=1)
    world.bootstrap()
    for host in ("m1", "m2"):
        world.kill(host)
    return world


def restarted() -> World:
    """Return a cluster of which every manager lost its power, and one has it back: its engine calls itself pending."""
    world = World(managers=3, workers=1)
    world.bootstrap()
    for host in ("m1", "m2", "m3"):
        world.kill(host)
    world.revive("m3")
    return world


def locked() -> World:
    world = World(managers=3, workers=1)
    world.bootstrap(SwarmSpec(autolock=True))
    for host in ("m1", "m2", "m3"):
        world.stop_engine(host)
        world.start_engine(host)
    return world


def reported_by(command: str, world: World) -> SwarmnetError:
    if command.startswith("engine"):
        with_apt(world)  # else, each host asks the apt of this machine, for seconds
    with pytest.raises(SwarmnetError) as caught:
        COMMANDS[command](world.ports())
    return caught.value


def with_inventories() -> Iterator[str]:
    for words, leaf in LEAVES.items():
        if any("--inventory" in parameter.opts for parameter in leaf.params) and words not in OUTSIDE:
            yield words


def test_the_table_has_every_command_that_talks_to_hosts() -> None:
    assert set(with_inventories()) <= set(COMMANDS)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in SPEAK_OTHERWISE])
@pytest.mark.parametrize(
    ("make", "answer", "cure"),
    [
        (lost, NO_QUORUM, "start m1 and m2"),
        (restarted, NO_QUORUM, "start m1 and m2"),
        (locked, LOCKED, "unlock m1, m2 and m3: swarmnet unlock"),
    ],
    ids=["no quorum", "one back", "locked"],
)
def test_no_manager_answers(command: str, make: Callable[[], World], answer: str, cure: str) -> None:
    world = make()

    error = reported_by(command, world)

    assert isinstance(error, IncompleteError)
    assert answer in error.message.splitlines()[0]
    assert cure in (error.hint or "")
    assert world.writes == []


@pytest.mark.parametrize(
    ("make", "answer"), [(lost, f"lost: {NO_QUORUM}"), (locked, f"lost: {LOCKED}")], ids=["no quorum", "locked"]
)
def test_status_says_so_in_its_first_line(make: Callable[[], World], answer: str) -> None:
    assert status(make().ports()).splitlines()[0] == f"cluster sim: {answer}"


@pytest.mark.parametrize("make", [lost, locked], ids=["no quorum", "locked"])
def test_a_reset_is_refused_by_name_unless_a_flag_says_otherwise(make: Callable[[], World]) -> None:
    error = reported_by("reset", make())

    assert isinstance(error, RefusedError)
    assert "is in a swarm for which no manager answers" in error.message


@pytest.mark.parametrize("command", ["plan", "apply", "verify", "restore plan", "backup diff", "lock status"])
def test_a_dead_leader_of_three_does_not_lose_the_cluster(command: str) -> None:
    world = World(managers=3, workers=1)
    world.bootstrap()
    world.kill("m1")
    world.settle()

    try:
        COMMANDS[command](world.ports())
    except SwarmnetError as error:
        assert "m1 does not answer" in error.message  # noqa: PT017 - both ends are right: a guard asks for a flag
    headline, *reported = status(world.ports()).splitlines()
    assert headline == "cluster sim: degraded: m1 does not answer by SSH: no route to host"
    assert "2 of 3 managers work; one more manager lost stops the swarm" in reported


def test_a_site_is_not_started_again_where_a_silent_manager_may_hold_the_swarm() -> None:
    world = World(managers=3, workers=1)
    world.bootstrap()
    for host in ("m1", "m2", "m3"):
        world.kill(host)

    error = reported_by("apply", world)

    assert "w1 is in a swarm, and no manager of the inventory answers for it" in error.message
    assert (error.hint or "").startswith("start m1, m2 and m3; ")
