"""A manager's state, archived and brought back on simulated hosts: which manager, what is refused, what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.backups.archives import RaftArchives
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.errors import CommandError, DamagedError, RefusedError, UnreachableError, UsageError, WrongKeyError
from swarmnet.model.backup import Reason
from swarmnet.model.base import Secret
from swarmnet.model.state import SwarmStanding
from swarmnet.model.swarm import Rotation, SwarmSpec
from swarmnet.operations.swarm import engine_pause
from swarmnet.plan.recovery.catalogue import latest, newest_of
from swarmnet.plan.recovery.raft import RaftWish
from swarmnet.workflows.backup import rewrap
from swarmnet.workflows.backup_lookup import check, find, listing, opened, opened_raft
from swarmnet.workflows.raft import ArchivedRaft, RaftOrder, archive, bring_back
from tests.simulator import World
from tests.simulator.shell import real_sh
from tests.support.backups import CREATED
from tests.support.goals import Yes, operator, run, terms
from tests.workflows.test_backup import VAULT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from swarmnet.model.report import ApplyReport
    from swarmnet.plan.recovery.raft import Source
    from tests.simulator.machine import Machine

BACKUP_ID = "5d" * 16
SITE = """\
schema: 1
name: site
steps:
  - swarm: {}
  - network: {name: front, attachable: true, subnets: [{subnet: 10.20.0.0/24}]}
  - service: {name: web, image: web:1, replicas: 2, networks: [front]}
"""


@dataclass
class Site:
    """A cluster, and a repository for its archives."""

    world: World
    repository: DirectoryRepository
    consent: Yes = field(default_factory=Yes)

    def take(self, manager: str | None = None, *, allow_outage: bool = False) -> ArchivedRaft:
        order = RaftOrder(BACKUP_ID, CREATED, "swarmnet 0", Reason.SCHEDULE, manager, allow_outage=allow_outage)
        asked: list[Source] = []
        taken = archive(
            self.world.ports(), order, vault=VAULT, repository=self.repository, operator=operator(), agree=asked.append
        )
        assert [one.host for one in asked] == [taken.manifest.host]
        return taken

    def lose(self, *hosts: str) -> None:
        for host in hosts:
            self.world.wipe(host)

    def bring(self, to: str | None = None, *lost: str, key: Secret | None = None) -> ApplyReport:
        entry = find("latest", repository=self.repository, vault=VAULT, raft=True).entry
        manifest = opened_raft(entry, repository=self.repository, vault=VAULT)
        ports = self.world.ports()
        ports.archives = RaftArchives(entry, self.repository, VAULT)
        wish = RaftWish(manifest, entry.place, to or manifest.host, frozenset(lost))
        return bring_back(ports, wish, terms(consent=self.consent), key=key)

    def warned(self) -> str:
        return "\n".join(self.consent.shown[-1].plan.warnings)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return of(tmp_path, World(managers=3, workers=1))


def of(folder: Path, world: World) -> Site:
    world.bootstrap(SwarmSpec())
    run(world, SITE)
    return Site(world, DirectoryRepository(folder / "backups"))


def members(world: World, host: str) -> set[tuple[str, str]]:
    return {(node.hostname, str(node.spec.role)) for node in world.engine(host).nodes.list()}


def test_the_swarm_comes_back_on_hosts_that_lost_everything_and_the_other_managers_join(site: Site) -> None:
    taken = site.take()
    before = site.world.store("m1")
    site.lose("m1", "m2", "m3")
    assert site.bring().exit_code == 0
    after = site.world.store(taken.manifest.host)
    assert (after.id, after.networks.keys(), after.services.keys(), after.secrets.keys()) == (
        before.id,
        before.networks.keys(),
        before.services.keys(),
        before.secrets.keys(),
    )
    managers = {(name, "manager") for name in ("m1", "m2", "m3")}
    assert members(site.world, taken.manifest.host) == managers | {("w1", "worker")}


def test_a_login_that_breaks_while_the_state_is_read_leaves_no_archive_and_the_engine_comes_back(site: Site) -> None:
    world = site.world

    def breaks(machine: Machine, argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
        if argv[2] != engine_pause.READ:
            return real_sh(machine, argv, stdin)
        world.stop_engine(machine.name)
        settle, back = world.clock.on_tick, world.clock.monotonic() + 5

        def tick() -> None:
            if world.clock.monotonic() > back and not machine.engine_running:
                world.start_engine(machine.name)  # its guard
            settle()

        world.clock.on_tick = tick
        raise UnreachableError(machine.name, "the connection broke")

    world.machines["m2"].programs["sh"] = breaks
    with pytest.raises(UnreachableError):
        site.take("m2")
    assert [one.name for one in site.repository.root.rglob("*.*")] == []
    assert {node.reachability for node in world.engine("m1").nodes.list()} == {"reachable", None}
    del world.machines["m2"].programs["sh"]
    assert site.take("m2").manifest.host == "m2"


def test_until_the_swarm_begins_the_engine_is_in_none_so_that_an_expired_certificate_is_in_the_way_of_nothing(
    site: Site,
) -> None:
    host = site.take().manifest.host
    site.world.clock.sleep(200 * 86400)
    site.lose("m1", "m2", "m3")
    site.world.refusals.append(("swarm.recover", ""))
    assert site.bring().exit_code != 0
    assert site.world.engine(host).facts().membership.state is SwarmStanding.INACTIVE
    assert site.bring().exit_code == 0
    assert "certificates have expired" in site.warned()


@pytest.mark.parametrize("rotations", [0, 1])
def test_a_ca_that_was_rotated_is_rotated_once_more_which_is_said_and_ends(site: Site, rotations: int) -> None:
    for _ in range(rotations):
        site.world.engine("m1").rotate(Rotation.CA)
    host = site.take().manifest.host
    before = site.world.engine("m1").swarm()
    site.lose("m1", "m2", "m3")
    assert site.bring().exit_code == 0
    after = site.world.engine(host).swarm()
    assert (after.ca_digest != before.ca_digest, after.root_rotation) == (bool(rotations), False)
    assert after.spec == before.spec
    assert "rotation of the CA" in site.warned()


def test_a_ca_that_was_given_stays(site: Site) -> None:
    seen = site.world.engine("m1").swarm()
    given = SwarmSpec(extra={"CAConfig": {"SigningCACert": "-----BEGIN CERTIFICATE-----"}})
    site.world.engine("m1").update_swarm(seen.version, given)
    host = site.take().manifest.host
    before = site.world.engine("m1").swarm()
    site.lose("m1", "m2", "m3")
    assert site.bring().exit_code == 0
    after = site.world.engine(host).swarm()
    assert (seen.ca_digest != before.ca_digest, after.ca_digest == before.ca_digest) == (True, True)


def test_a_second_run_has_nothing_to_do(site: Site) -> None:
    site.take()
    site.lose("m1", "m2", "m3")
    site.bring()
    site.world.requests.clear()
    assert site.bring().outcomes == ()
    assert site.world.writes == []


def test_a_run_that_died_after_the_state_was_in_its_place_is_run_again(site: Site) -> None:
    host = site.take().manifest.host
    site.lose("m1", "m2", "m3")
    site.world.refusals.append(("swarm.recover", ""))
    first = site.bring()
    assert first.exit_code != 0
    assert site.bring().exit_code == 0
    assert len(members(site.world, host)) == 4


def test_the_leader_is_left_alone_and_a_drained_manager_comes_first(site: Site) -> None:
    leader = next(node.hostname for node in site.world.engine("m1").nodes.list() if node.is_leader)
    assert site.take().manifest.host != leader


def test_a_manager_without_which_no_majority_is_left_is_stopped_only_when_that_is_allowed(site: Site) -> None:
    site.world.kill("m3")
    site.world.settle()
    with pytest.raises(RefusedError, match="1 of 3 managers are left, less than a majority"):
        site.take("m2")
    assert not [one for one in site.world.requests if one.verb == "shell" and "tar" in one.target]
    assert site.take("m2", allow_outage=True).manifest.host == "m2"


def test_the_only_manager_needs_the_same_word(tmp_path: Path) -> None:
    site = of(tmp_path, World(managers=1, workers=1))
    with pytest.raises(RefusedError, match="0 of 1"):
        site.take()
    assert site.take(allow_outage=True).manifest.host == "m1"
    site.lose("m1")
    assert site.bring().exit_code == 0


def test_a_worker_is_not_archived(site: Site) -> None:
    with pytest.raises(RefusedError, match="w1 answers for the swarm as a manager"):
        site.take("w1")


def test_an_engine_that_cannot_be_stopped_leaves_no_archive(site: Site) -> None:
    for name in ("m1", "m2", "m3"):
        site.world.machines[name].programs["sh"] = lambda _machine, _argv, _stdin: (65, b"", b"")
    with pytest.raises(CommandError, match="the engine did not stop"):
        site.take()
    assert [one.name for one in site.repository.root.rglob("*.*")] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda world: setattr(world.machines["m2"], "address", "10.9.9.9"), "the state works at"),
        (lambda world: world.machines["m2"].run_engine("26.1"), "older engines cannot read it"),
    ],
    ids=["another address", "an older engine"],
)
def test_what_engines_cannot_do_is_refused_before_anything_changes(site: Site, change: object, said: str) -> None:
    site.take("m2")
    site.lose("m1", "m2", "m3")
    assert callable(change)
    change(site.world)
    site.world.requests.clear()
    with pytest.raises(RefusedError, match=said):
        site.bring()
    assert site.world.writes == []


def test_an_autolocked_swarm_is_archived_and_its_manager_unlocked_but_engines_cannot_begin_it_again(
    tmp_path: Path,
) -> None:
    world = World(managers=3)
    world.bootstrap(SwarmSpec(autolock=True))
    site = Site(world, DirectoryRepository(tmp_path / "backups"))
    assert site.take("m2").manifest.autolock
    assert not world.machines["m2"].locked
    site.lose("m1", "m2", "m3")
    with pytest.raises(RefusedError, match="autolocked swarm of 3 managers"):
        site.bring(key=Secret("SWMKEY-1-any"))


def test_an_autolocked_swarm_of_one_manager_comes_back_with_its_key(tmp_path: Path) -> None:
    world = World(managers=1)
    world.bootstrap(SwarmSpec(autolock=True))
    site, key = Site(world, DirectoryRepository(tmp_path / "backups")), world.store("m1").unlock_key
    assert key is not None
    site.take(allow_outage=True)
    swarm = world.store("m1").id
    site.lose("m1")
    with pytest.raises(RefusedError, match="needs the key"):
        site.bring()
    with pytest.raises(WrongKeyError, match="another key unlocks it"):
        site.bring(key=Secret("SWMKEY-1-other"))
    assert world.machines["m1"].locked
    assert site.bring(key=key).exit_code == 0
    assert (world.machines["m1"].locked, world.engine("m1").swarm().id) == (False, swarm)
    assert site.bring(key=key).outcomes == ()


def test_a_host_in_a_swarm_and_a_manager_that_holds_the_swarm_are_left_alone(site: Site) -> None:
    site.take("m2")
    site.lose("m2")
    with pytest.raises(RefusedError, match="m1 and m3 are in a swarm"):
        site.bring()
    site.lose("m1", "m3")
    site.world.kill("m3")
    with pytest.raises(RefusedError, match="may be alive"):
        site.bring()
    assert site.bring(None, "m3").exit_code == 0


def test_an_archive_is_listed_checked_and_sealed_again_and_opens_as_nothing_else(site: Site) -> None:
    site.take()
    (entry,) = listing(site.repository, VAULT)
    assert entry.header is not None
    assert entry.header.is_raft
    assert [one.opened for one in check((entry,), repository=site.repository, vault=VAULT)] == [True]
    assert latest((entry,)) is None, "other commands do not mean it with `latest`"
    assert newest_of((entry,), CREATED) is None, "a schedule does not take it for a backup of its own"
    with pytest.raises(UsageError, match="raft archive"):
        opened(entry, repository=site.repository, vault=VAULT)
    listener = site.world.ports().listener
    (again,) = rewrap((entry,), frozenset(), repository=site.repository, vault=VAULT, listener=listener)
    assert (again.changed, again.problem) == (True, None)
    assert opened_raft(entry, repository=site.repository, vault=VAULT).id == BACKUP_ID
    assert [one.header.reason for one in listing(site.repository, VAULT) if one.header] == [Reason.SCHEDULE]


def test_a_changed_archive_is_not_put_anywhere(site: Site) -> None:
    taken = site.take("m2")
    site.lose("m1", "m2", "m3")
    blob = bytearray(taken.path.read_bytes())
    blob[-20] ^= 1
    taken.path.chmod(0o600)
    taken.path.write_bytes(blob)
    with pytest.raises(DamagedError):
        site.bring()
