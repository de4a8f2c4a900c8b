"""Whatever engines hold, adopt writes it: a step that plans nothing, or a comment with the reason. It never fails."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.edge.engine.wire.network import network_from_wire
from swarmnet.edge.engine.wire.parts import as_object
from swarmnet.edge.engine.wire.service import service_from_wire, spec_from_wire
from swarmnet.edge.engine.wire.swarm import config_from_wire, secret_from_wire, swarm_from_wire
from swarmnet.errors import UsageError
from swarmnet.model.base import Secret
from swarmnet.model.engine_json import absorb
from swarmnet.model.network import GATEWAY, Network, NetworkSpec, Scope, Subnet
from swarmnet.model.service import Reservations, Service, ServiceMode, ServiceSpec
from swarmnet.model.swarm import Config, ConfigSpec, NewSecret, SecretSpec, SwarmSpec
from swarmnet.operations.network.mesh import AS_ENGINES_DO
from swarmnet.operations.playbook import with_contents
from swarmnet.parse.playbook import parse_playbook
from swarmnet.plan.adopt.draft import Wish
from swarmnet.plan.build import build
from swarmnet.workflows.adopt import Adopted, adopt
from tests.edge.engine.wire import test_wire_network as networks
from tests.edge.engine.wire import test_wire_service as services
from tests.edge.engine.wire import test_wire_swarm as swarms
from tests.edge.engine.wire.test_extremes import variants
from tests.simulator import World
from tests.support.any_cluster import HOSTS
from tests.support.recorded import VERSIONS, objects, recorded
from tests.workflows.test_adopt import QUICK, applied, seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from swarmnet.model.base import Document, JsonObject
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.content.source import ContentSource

LATEST = VERSIONS[-1]
LONGEST = 1_000
"""Characters of a value that is tried here: a playbook holds 2 MiB, and each value is in a service of its own."""


@cache
def cluster() -> ClusterState:
    """Return a cluster with what the services of the laws refer to."""
    world = World(inventory=HOSTS)
    world.bootstrap()
    engine = world.engine("m1")
    for name in ("n1", "n2"):
        engine.networks.create(NetworkSpec(name=name, driver="overlay", attachable=True))
    engine.configs.create(ConfigSpec(name="c1", data=b"x"))
    engine.secrets.create(NewSecret(SecretSpec(name="s1"), Secret("v")))
    world.settle()
    return seen(world)


class Written:
    """Contents of configs that are not written to a disk."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def read(self, source: ContentSource, *, folder: str) -> bytes:
        del folder
        if source.text is None and source.file not in self.files:
            raise UsageError("a secret's value is nowhere")
        return source.text.encode() if source.text is not None else self.files[source.file or ""]


def taken_over(**parts: object) -> Adopted:
    """Adopt a cluster with other parts; the plan of what is written is empty."""
    state = cluster().model_copy(update=parts)
    made = adopt(state, HOSTS, Wish())
    assert all(made.left_out.values())
    assert made.text.count("Left out:") == len([step for step in made.steps if _is_left_out(step.comments)])
    if any(not step.muted for step in made.steps):
        playbook = with_contents(parse_playbook(made.text.encode(), "p.yml"), Written(made.files))
        assert build(playbook, state, HOSTS).actions == ()
    return made


def _is_left_out(comments: Iterable[str]) -> bool:
    return any(one.startswith("Left out:") for one in comments)


def service(number: int, spec: ServiceSpec) -> Service:
    return Service(id=f"id{number}", version=1, spec=absorb(spec))


@QUICK
@given(st.lists(services.specs, max_size=3, unique_by=lambda one: one.name), st.booleans())
def test_any_services_are_written_or_left_out_with_a_reason(specs: list[ServiceSpec], is_named: bool) -> None:  # noqa: FBT001
    # With any names and images, these alone would be refused.
    usual = [{"name": f"web{number}", "image": "busybox:1"} if is_named else {} for number in range(len(specs))]
    there = [one.model_copy(update=given) for one, given in zip(specs, usual, strict=True)]
    taken_over(services=tuple(service(number, one) for number, one in enumerate(there)))


@QUICK
@given(
    st.lists(networks.specs, max_size=4, unique_by=lambda one: one.name.lower()),
    swarms.swarm_specs,
    st.lists(
        st.builds(ConfigSpec, name=swarms.texts, data=st.binary(max_size=40), labels=swarms.labels),
        max_size=2,
        unique_by=lambda one: one.name,
    ),
)
def test_any_networks_swarms_and_configs_are_written_or_left_out_with_a_reason(
    specs: list[NetworkSpec], swarm: object, configs: list[ConfigSpec]
) -> None:
    state = cluster()
    assert state.swarm is not None
    there = [Network(id=f"id{number}", spec=spec) for number, spec in enumerate(specs)]
    local = tuple(one for one in there if one.spec.effective_scope is Scope.LOCAL)
    taken_over(
        networks=tuple(one for one in there if one.spec.effective_scope is Scope.SWARM),
        hosts=tuple(one.model_copy(update={"networks": local}) if one.host != "w2" else one for one in state.hosts),
        swarm=state.swarm.model_copy(update={"spec": swarm}),
        configs=tuple(Config(id=f"id{number}", version=1, spec=spec) for number, spec in enumerate(configs)),
    )


def short(whole: JsonObject) -> Iterator[JsonObject]:
    """Yield an engine's words with each value at the edges of its type."""
    yield from (changed for _path, changed in variants(whole) if len(str(changed)) - len(str(whole)) < LONGEST)


def different(kind: str, read: Callable[[JsonObject], Document]) -> list[Any]:
    """Return the specs of all recorded objects of a kind, with every extreme, each once, by names of their own."""
    said = (read(one) for whole in objects(LATEST, kind) for one in short(whole))
    specs = {spec.model_dump_json(): spec for spec in said}.values()
    return [spec.model_copy(update={"name": f"w{number}"}) for number, spec in enumerate(specs)]


@cache
def extreme_services() -> list[ServiceSpec]:
    """Return services with extreme values; of ports, one service alone could have the same."""
    names = services.names_of(LATEST)
    found = different("services", lambda said: service_from_wire(said, names).spec)
    return [one.model_copy(update={"ports": None}) for one in found]


@settings(QUICK, max_examples=4)
@given(st.data())
def test_every_extreme_of_every_field_of_services_is_written_or_left_out(data: st.DataObject) -> None:
    found = data.draw(st.lists(st.sampled_from(extreme_services()), min_size=30, max_size=30, unique_by=id))
    made = taken_over(
        networks=tuple(network_from_wire(one) for one in objects(LATEST, "networks") if one["Scope"] == "swarm"),
        configs=tuple(config_from_wire(one) for one in objects(LATEST, "configs")),
        secrets=tuple(secret_from_wire(one) for one in objects(LATEST, "secrets")),
        services=tuple(service(number, one) for number, one in enumerate(found)),
    )
    assert len(made.left_out) < len(found), made.left_out


def test_every_extreme_of_every_field_of_networks_is_written_or_left_out() -> None:
    found = different("networks", lambda said: network_from_wire(said).spec)
    there = [Network(id=f"id{number}", spec=spec) for number, spec in enumerate(found)]
    taken_over(networks=tuple(one for one in there if one.spec.effective_scope is Scope.SWARM))


def test_every_extreme_of_every_field_of_a_swarm_is_written_or_left_out() -> None:
    for said in short(as_object(recorded(LATEST)["swarm"])):
        taken_over(swarm=swarm_from_wire(said))


MASQUERADE = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
LEFT_OUT = {
    "none": ServiceSpec(name="none", image="i", reservations=Reservations(generic={"gpu": 0})),
    "relative": ServiceSpec(name="relative", image="i", workdir="tmp"),
}
"""What engines hold, and no step may say."""


def test_what_no_step_may_say_is_a_comment_with_the_reason_and_all_else_is_written() -> None:
    there = {**LEFT_OUT, "plain": ServiceSpec(name="plain", image="i")}
    made = taken_over(services=tuple(service(number, one) for number, one in enumerate(there.values())))
    assert made.left_out.keys() == {f"service {name}" for name in LEFT_OUT}
    for name in LEFT_OUT:
        assert f"# Left out: {made.left_out[f'service {name}']}"[:60] in made.text
        assert f"# - service: {{name: {name}, " in made.text
    assert "\n  - service: {name: plain, " in made.text


def test_a_bound_that_a_global_service_kept_from_before_is_named_and_left_out() -> None:
    there = ServiceSpec(name="web", image="i", mode=ServiceMode.GLOBAL, max_replicas_per_node=2)
    made = taken_over(services=(service(1, there),))
    assert made.left_out == {}
    assert "# max_replicas_per_node is left out: it means nothing for a global service.\n  - service: {" in made.text


def test_the_pool_of_a_swarm_is_written() -> None:
    world = World(inventory=HOSTS)
    world.bootstrap(SwarmSpec(default_addr_pool=("10.128.0.0/12",), subnet_size=26))
    made = adopt(seen(world), HOSTS, Wish())
    assert "- swarm: {default_addr_pool: [10.128.0.0/12], subnet_size: 26}\n" in made.text


def test_a_job_that_runs_one_task_at_a_time_says_so() -> None:
    there = ServiceSpec(name="job", image="i", mode=ServiceMode.REPLICATED_JOB, replicas=3, max_concurrent=1)
    assert "max_concurrent: 1" in taken_over(services=(service(1, there),)).text


def test_what_no_field_holds_is_written_as_the_engine_says_it() -> None:
    container: JsonObject = {"Image": "i"}
    said: JsonObject = {
        "Name": "web",
        "TaskTemplate": {"ContainerSpec": container, "Resources": {"Limits": {"MemoryBytes": 2**20}}},
    }
    made = taken_over(services=(service(1, spec_from_wire(said, services.NAMES)),))
    assert made.left_out == {}
    assert "extra: {TaskTemplate: {Resources: {Limits: {MemoryBytes: 1048576}}}}" in made.text


def test_networks_that_engines_make_by_themselves_are_written_where_they_are_others() -> None:
    there = World(inventory=HOSTS)
    block = Subnet(subnet="10.200.0.0/24", gateway="10.200.0.1")
    for host in ("m1", "w2"):
        own = NetworkSpec(name=GATEWAY, driver="bridge", subnets=(block,), options=AS_ENGINES_DO | MASQUERADE)
        there.engine(host).networks.create(own)
    made_ingress = "{mtu: 1400, subnets: [10.201.0.0/24]}"
    text = f"schema: 1\nname: made\nsteps: [swarm: {{}}, ingress: {made_ingress}]"
    applied(there, parse_playbook(text.encode(), "p.yml"))
    made = adopt(seen(there), HOSTS, Wish())

    written = [(step.operation, step.arguments.get("options"), step.on) for step in made.steps]
    assert written == [(GATEWAY, MASQUERADE, ("m1", "w2")), ("swarm", None, ()), ("ingress", None, ())]
    assert f"- swarm: {{}}\n  - ingress: {made_ingress}" in made.text
    assert made.left_out == {}
    playbook = parse_playbook(made.text.encode(), "p.yml")
    assert build(playbook, seen(there), HOSTS).actions == ()
    fresh = World(inventory=HOSTS)
    applied(fresh, playbook)
    for host in ("m1", "w1", "w2"):
        before, after = (seen(one).local_network(host, GATEWAY) for one in (there, fresh))
        assert before is not None
        assert after is not None
        assert [one.subnet for one in before.spec.subnets] == [one.subnet for one in after.spec.subnets]
    assert adopt(seen(fresh), HOSTS, Wish()).text == made.text
