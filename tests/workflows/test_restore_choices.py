"""What an operator may ask of a restore: replacing, taking back, leaving hosts out, autolock, a customised ingress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import RefusedError
from swarmnet.model.hosts import Host, Inventory, Role
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.plan import RESTORE_LABEL
from swarmnet.model.service import Attachment, PublishedPort, ServiceMode, ServiceSpec
from swarmnet.model.swarm import ConfigSpec, SwarmSpec
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.describe import document
from swarmnet.plan.recovery.steps import Choices
from swarmnet.workflows.apply import apply
from swarmnet.workflows.fleet.observe import Look, observe
from swarmnet.workflows.restore import Restore, take_back
from tests.simulator import World
from tests.support.backups import CREATED
from tests.support.goals import Yes, terms

if TYPE_CHECKING:
    from swarmnet.model.report import ApplyReport

HOSTS = Inventory(
    cluster="shop",
    hosts=(Host(name="m1", address="10.66.0.1", role=Role.MANAGER), Host(name="w1", address="10.66.0.2")),
)
ID = "cd" * 16
FRONT = NetworkSpec(name="front", attachable=True, subnets=(Subnet(subnet="10.50.0.0/24"),))
WEB = ServiceSpec(name="web", image="busybox", replicas=1, networks=(Attachment(network="front"),))


@dataclass
class Story:
    """A small cluster that was backed up, and the one that it is restored onto."""

    spec: SwarmSpec = field(default_factory=SwarmSpec)
    ingress: NetworkSpec | None = None
    world: World = field(default_factory=lambda: World(inventory=HOSTS))
    choices: Choices = field(default_factory=lambda: Choices(mapping={}, secrets={}))
    consent: Yes = field(default_factory=Yes)

    def restore(self) -> Restore:
        old = World(inventory=HOSTS)
        old.bootstrap(self.spec)
        engine = old.engine("m1")
        if self.ingress is not None:
            engine.networks.remove(next(net.id for net in engine.networks.list() if net.spec.ingress))
            engine.networks.create(self.ingress)
        engine.networks.create(FRONT)
        engine.configs.create(ConfigSpec(name="site.conf", data=b"x"))
        old.engine("w1").networks.create(NetworkSpec(name="lan", driver="bridge"))
        old.settle()
        engine.services.create(WEB)
        old.settle()
        state = observe(old.ports(), Look(containers=True))
        taken = document(state, cluster="shop", backup_id=ID, created=CREATED, tool="t")
        return Restore(taken, HOSTS, self.choices)

    def run(self, *replace: str) -> ApplyReport:
        goal = self.restore().goal(Permissions(replace=frozenset(replace)))
        report = apply(self.world.ports(), goal, terms(consent=self.consent))
        self.world.settle()
        return report

    def skips(self) -> list[str]:
        restore = self.restore()
        return [
            f"{one.what}: {one.why}" for one in restore.restoration(observe(self.world.ports(), restore.look)).skips
        ]

    def undo(self) -> ApplyReport:
        report = take_back(self.world.ports(), HOSTS, ID, terms(consent=self.consent), allow_missing=False)
        self.world.settle()
        return report

    def networks(self, host: str = "m1") -> dict[str, NetworkSpec]:
        return {net.spec.name: net.spec for net in self.world.engine(host).networks.list()}

    def service(self) -> ServiceSpec:
        (found,) = self.world.engine("m1").services.list()
        return found.spec


def _on_a_cluster_with(*networks: NetworkSpec, service: ServiceSpec | None = None) -> Story:
    story = Story()
    story.world.bootstrap()
    for spec in networks:
        story.world.engine("m1").networks.create(spec)
    story.world.settle()
    if service is not None:
        story.world.engine("m1").services.create(service)
    story.world.settle()
    return story


# Replacing


def test_b7_a_service_that_differs_is_changed_in_place() -> None:
    story = _on_a_cluster_with(FRONT, service=WEB.model_copy(update={"image": "other", "replicas": 2}))
    (before,) = story.world.engine("m1").services.list()
    assert story.run().exit_code == 0
    (after,) = story.world.engine("m1").services.list()
    assert (after.id, after.spec.image, after.spec.replicas) == (before.id, "busybox", 1)


def test_a_service_of_another_mode_is_replaced_only_when_it_is_named() -> None:
    story = _on_a_cluster_with(FRONT, service=WEB.model_copy(update={"mode": ServiceMode.GLOBAL, "replicas": None}))
    with pytest.raises(RefusedError, match="service web would be replaced") as raised:
        story.run()
    assert "--replace web" in str(raised.value.hint)
    assert story.run("web").exit_code == 0
    assert story.service().mode is ServiceMode.REPLICATED


def test_a_network_that_differs_is_replaced_with_its_services_on_it_again() -> None:
    there = FRONT.model_copy(update={"subnets": (Subnet(subnet="10.99.0.0/24"),)})
    story = _on_a_cluster_with(there, service=WEB)
    with pytest.raises(RefusedError, match="network front would be replaced"):
        story.run()
    assert story.run("front").exit_code == 0
    assert [block.subnet for block in story.networks()["front"].subnets] == ["10.50.0.0/24"]
    assert [one.network for one in story.service().networks or ()] == ["front"]


# Taking back


def test_undo_takes_back_what_the_restore_made_and_nothing_else() -> None:
    story = _on_a_cluster_with(
        NetworkSpec(name="theirs"), service=WEB.model_copy(update={"name": "own", "networks": ()})
    )
    before = story.networks().keys()
    assert story.run().exit_code == 0
    assert {"front", "theirs"} <= story.networks().keys()
    report = story.undo()
    assert report.exit_code == 0
    assert {one.target for one in report.outcomes} == {
        "service web",
        "network front",
        "network lan on w1",
        "config site.conf",
    }
    assert story.networks().keys() == before
    assert story.service().name == "own"
    assert story.undo().outcomes == ()


def test_b9_undo_waits_for_a_managers_own_copies_of_removed_networks() -> None:
    story = _on_a_cluster_with()
    story.run()
    story.world.machines["m1"].lingers = 8.0
    report = story.undo()
    assert (report.exit_code, report.pending) == (0, ())


def test_b9_a_restore_right_after_a_removal_makes_what_managers_only_have_copies_of() -> None:
    story = _on_a_cluster_with()
    story.run()
    story.world.machines["m1"].lingers = 30.0
    engine = story.world.engine("m1")
    engine.services.remove(next(one.id for one in engine.services.list()))
    story.world.settle()
    engine.networks.remove(next(net.id for net in engine.networks.list() if net.spec.name == "front"))
    report = story.run()
    assert (report.exit_code, report.failed) == (0, False)
    assert [one.target for one in report.outcomes] == ["network front", "service web"]


def test_undo_leaves_what_was_there_before_or_was_replaced() -> None:
    story = _on_a_cluster_with(FRONT, service=WEB.model_copy(update={"image": "other"}))
    story.run("web")
    story.undo()
    assert story.service().name == "web"
    assert "front" in story.networks()


def test_undo_leaves_a_network_that_others_use_by_now_and_says_so() -> None:
    story = _on_a_cluster_with()
    story.run()
    story.world.engine("m1").services.create(WEB.model_copy(update={"name": "later"}))
    story.world.settle()
    assert story.undo().exit_code == 0
    assert "front" in story.networks()
    (warning,) = story.consent.shown[-1].plan.warnings
    assert "network front is not pruned: used by service later" in warning


def test_undo_does_not_take_the_swarm_apart_that_the_restore_began() -> None:
    story = Story()
    story.run()
    assert story.world.store("m1").spec.labels[RESTORE_LABEL] == ID
    story.undo()
    assert len(story.world.engine("m1").nodes.list()) == 2
    assert any("swarmnet reset" in text for text in story.consent.shown[-1].plan.warnings)


# Leaving hosts out


def test_a_limit_leaves_the_other_hosts_as_they_are_and_says_so() -> None:
    story = _on_a_cluster_with()
    story.choices = Choices(mapping={}, secrets={}, limit=("m1",))
    assert "host w1: w1 is left out by --limit" in story.skips()
    assert story.run().exit_code == 0
    assert "lan" not in story.networks("w1")


# Autolock


def test_autolock_comes_back_only_with_a_place_for_its_new_key() -> None:
    story = Story(spec=SwarmSpec(autolock=True))
    assert story.skips() == ["autolock: the new swarm has a new key, which needs a place: --unlock-key-file FILE"]
    story.run()
    assert not story.world.store("m1").spec.autolock
    again = Story(spec=SwarmSpec(autolock=True), choices=Choices(mapping={}, secrets={}, unlock_key_file="new.key"))
    assert again.skips() == []
    assert again.run().exit_code == 0
    assert again.world.operator_files == {"new.key": again.world.store("m1").unlock_key}


# The ingress network

INGRESS = NetworkSpec(
    name="ingress", ingress=True, mtu=1300, subnets=(Subnet(subnet="10.77.0.0/24", gateway="10.77.0.2"),)
)


def test_an_ingress_network_as_init_makes_it_is_left_alone() -> None:
    story = Story()
    report = story.run()
    assert not any("ingress" in one.target for one in report.outcomes)
    assert story.skips() == []


def test_a_customised_ingress_network_comes_back_before_all_other_networks() -> None:
    story = Story(ingress=INGRESS)
    report = story.run()
    targets = [one.target for one in report.outcomes]
    assert report.exit_code == 0
    assert targets.index("network ingress") < targets.index("network front")
    seen = story.networks()["ingress"]
    assert (seen.mtu, [block.subnet for block in seen.subnets]) == (1300, ["10.77.0.0/24"])
    assert story.run().outcomes == ()


def test_an_ingress_network_that_services_publish_through_is_left_with_the_reason() -> None:
    story = Story(ingress=INGRESS)
    story.world.bootstrap()
    published = ServiceSpec(name="shop", image="busybox", ports=(PublishedPort(target=80, published=8080),))
    story.world.engine("m1").services.create(published)
    story.world.settle()
    (skip,) = story.skips()
    assert "network ingress: services publish through it: shop" in skip
    assert story.run().exit_code == 0
    assert story.networks()["ingress"].mtu is None


def test_an_ingress_network_of_mixed_engines_is_left_with_the_reason() -> None:
    story = Story(ingress=INGRESS)
    story.world.machines["w1"].engine_version = "26.1.5"
    (skip,) = story.skips()
    assert "different versions (26.1.5, 28.5.2)" in skip
