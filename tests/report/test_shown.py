"""What is shown, what is digested and what is sent are one (H2, H9): over every field of every kind of action."""

from __future__ import annotations

import importlib
import json
import pkgutil
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from swarmnet import operations
from swarmnet.model.base import JsonValue, Secret
from swarmnet.model.compare import node_changes, service_changes, swarm_changes
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.host_image import ArchivedImage, ArchiveFile
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.network import NetworkSpec, Scope, Subnet
from swarmnet.model.placement_codecs import Platform
from swarmnet.model.plan import Action, Change, Permit, Plan, Sign
from swarmnet.model.redaction import Cover
from swarmnet.model.ref import Ref
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.model.service import ServiceMode, ServiceSpec
from swarmnet.model.shown import action_digest, sent, shown
from swarmnet.model.state import ClusterState
from swarmnet.model.swarm import ConfigSpec, NodeSpec, SecretSpec, SwarmSpec
from swarmnet.model.volume import VolumeSpec
from swarmnet.operations.engine.actions import InstallEngine, UpgradeEngine
from swarmnet.operations.playbook import Playbook, Step
from swarmnet.operations.service.restored import RestoredService
from swarmnet.plan.build import build
from swarmnet.report.documents.plan import plan_digest
from swarmnet.report.terminal.plan import View
from tests.report.container_sample import CONTAINER
from tests.report.service_sample import SERVICE
from tests.support.clusters import inventory
from tests.support.clusters import swarm as a_swarm
from tests.support.reports import plan_json, plan_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NETWORK = NetworkSpec(
    name="front",
    driver="macvlan",
    scope=Scope.LOCAL,
    attachable=True,
    internal=True,
    ingress=True,
    ipv4=False,
    ipv6=True,
    encrypted=True,
    mtu=1400,
    config_only=True,
    config_from="lan",
    subnets=(
        Subnet(subnet="10.1.0.0/24", gateway="10.1.0.1", ip_range="10.1.0.0/25", aux_addresses={"a": "10.1.0.9"}),
    ),
    ipam_driver="other",
    ipam_options={"a": "b"},
    options={"c": "d"},
    labels={"e": "f"},
)
SWARM = SwarmSpec(
    default_addr_pool=("10.0.0.0/8",),
    subnet_size=24,
    data_path_port=4789,
    task_history=5,
    cert_expiry=7776000.0,
    heartbeat=5.0,
    snapshot_interval=10000,
    autolock=False,
    labels={"a": "b"},
    extra={"Raft": {"KeepOldSnapshots": 3}},
)
ENDPOINT = EndpointSpec(
    network="front",
    ipv4="10.1.0.9",
    ipv6="fd00::9",
    aliases=("db",),
    mac="02:42:0a:01:00:09",
    options={"a": "b"},
    gateway_priority=7,
)
VALUES: dict[str, Any] = {
    "spec": {
        "network": NETWORK,
        "service": SERVICE,
        "swarm": SWARM,
        "node": NodeSpec(role=Role.WORKER, availability=Availability.DRAIN, labels={"zone": "dmz"}),
        "config": ConfigSpec(
            name="c-1", data=b"listen 80;", labels={"a": "b"}, extra={"Templating": {"Name": "golang"}}
        ),
        "volume": VolumeSpec(name="data", driver="rexray", options={"size": "9"}, labels={"a": "b"}),
        "container": CONTAINER,
        "endpoint": ENDPOINT,
        "secret": SecretSpec(name="s-1", labels={"a": "b"}, extra={"Driver": {"Name": "vault"}}),
    },
    "before": NETWORK,
    "file": ArchiveFile(path="/x/web.tar", size=9, needs_manifest=True),
    "held": ArchivedImage(
        names=("web:1",),
        config="sha256:1",
        manifests=("sha256:2",),
        platform=Platform(os="linux", architecture="arm64"),
        layers=("sha256:3",),
        blobs=("blobs/sha256/4",),
        created="2024-05-06T07:08:09Z",
    ),
    "digest": "sha256:1",
    "username": "robot",
    "password": Secret(b"correct-horse-battery"),
    "container": "legacy",
    "endpoints": (ENDPOINT,),
    "theirs": True,
    "present": "legacy.swarmnet-old",
    "host": "m1",
    "archive": "backups/prod/20260131T040506.123456Z-0123abcd.swarmnet",
    "backup": "0123abcd" * 4,
    "advertise": "10.9.0.1",
    "data_path": "10.9.1.1",
    "availability": Availability.PAUSE,
    "node_id": "n1",
    "planned_id": "n2",
    "down": ("db",),
    "labels": {"team": "a"},
    "remove_labels": ("zone",),
    "services": ("web",),
    "containers": ("db on m1",),
    "wait": False,
    "locked": True,
    "timeout": 7.0,
    "argv": ("touch", "/x"),
    "unless": ("test", "-f", "/x"),
    "sudo": True,
    "data": Secret(b"correct-horse-battery"),
    "source": "file site.conf",
    "path": "/keys/unlock",
    "port": 8080,
    "status": 204,
    "image": "python:3",
    "network": "front",
    "name": "front",
    "content": "secret",
    "id": "x1",
    "allowed_by": Permit.RESET,
    "packages": ("docker.io=26.1.5",),
    "engine": "26.1.5",
}
"""For each field of an action a value that is not its default; ``spec`` by the first word of the action's kind."""


def kinds(base: type[Action] = Action) -> Iterator[type[Action]]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith("swarmnet.") and "kind" in kind.__annotations__:
            yield kind
        yield from kinds(kind)


for found in pkgutil.walk_packages(operations.__path__, "swarmnet.operations."):
    importlib.import_module(found.name)  # a kind is known once its module is: no test may depend on who imported it
KINDS: list[type[Action]] = sorted({*kinds(), InstallEngine, UpgradeEngine}, key=lambda kind: kind.__name__)


def _word(kind: type[Action]) -> str:
    return str(kind.model_fields["kind"].default).partition(".")[0]


FIRST = {_word(kind): kind for kind in reversed(KINDS)}
"""One kind for each sort of spec: digests are slow on purpose, and take each sort in the same way."""


def full(kind: type[Action]) -> Action:
    fields = [name for name in kind.model_fields if name not in Action.model_fields]
    values = {name: VALUES["spec"][_word(kind)] if name == "spec" else VALUES[name] for name in fields}
    return kind(object=Ref(kind="network", name="it"), why="it is so", **values)


def variants(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any field of any action
    """Yield what differs from a value in one place: each leaf of it changed, and each optional field left out."""
    if isinstance(value, BaseModel):
        yield from _of_document(value)
    elif isinstance(value, dict):
        yield {}
        for key, inner in value.items():
            yield {f"{key}x": inner}
            yield from ({**value, key: changed} for changed in variants(inner))
    elif isinstance(value, tuple | list):
        yield type(value)()
        yield type(value)([*value, *value])
        yield from (type(value)([changed, *value[1:]]) for changed in variants(value[0]))
    else:
        yield _other(value)


def _of_document(value: BaseModel) -> Iterator[BaseModel]:
    for name, field in type(value).model_fields.items():
        now = getattr(value, name)
        if not field.is_required() and now != field.get_default(call_default_factory=True):
            yield value.model_copy(update={name: field.get_default(call_default_factory=True)})
        yield from (value.model_copy(update={name: changed}) for changed in variants(now))


def _other(value: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, bool):
        return not value
    if isinstance(value, Secret):
        return Secret(b"another")
    if isinstance(value, Enum):
        return next(other for other in type(value) if other is not value)
    return value + {str: "x", bytes: b"x", int: 1, float: 1.0}[type(value)]


def _plan(action: Action) -> Plan:
    return Plan(cluster="shop", actions=(action,), predicted=ClusterState())


def _text(action: Action, cover: Cover) -> str:
    return plan_text(_plan(action), ClusterState(), view=View(cover, whole=True))


def test_the_samples_have_every_field_filled() -> None:
    for sample in (NETWORK, SERVICE, SWARM, *VALUES["spec"].values()):
        assert set(type(sample).model_fields) == sample.model_fields_set, type(sample).__name__


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_two_actions_that_send_something_else_differ_in_all_that_is_shown(kind: type[Action]) -> None:
    action, cover = full(kind), Cover()
    digest, tree, text = plan_digest(_plan(action), ClusterState()), sent(action, cover), _text(action, cover)
    for name in [name for name in kind.model_fields if name not in Action.model_fields]:
        for changed in variants(getattr(action, name)):
            other = action.model_copy(update={name: changed})
            if name not in ("spec", "before") or FIRST[_word(kind)] is kind:
                assert plan_digest(_plan(other), ClusterState()) != digest
            if name in ("data", "password"):
                continue  # the object's name has a hash of the one, and nothing shows the other
            assert sent(other, cover) != tree
            same_name = getattr(changed, "name", "") == getattr(getattr(action, name), "name", "")
            if name not in action.named and same_name:
                assert _text(other, cover) != text, (name, changed)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.sign is not Sign.UPDATE], ids=lambda kind: kind.__name__
)
def test_what_is_made_is_shown_field_by_field(kind: type[Action]) -> None:
    paths = {change.path.partition(".")[0] for change in shown(full(kind))}
    spec = getattr(full(kind), "spec", None)
    wanted = {name for name in kind.model_fields if name not in {*Action.model_fields, *kind.named, "spec"}}
    if spec is not None:
        wanted |= set(spec.model_dump(exclude_defaults=True)) - {"name"}
    assert paths == wanted


def test_an_update_shows_what_differs_and_its_own_terms() -> None:
    update = full(next(kind for kind in KINDS if kind.__name__ == "UpdateService"))
    differs = Change(path="image", before="web:0", after="web:1")

    paths = [change.path for change in shown(update.model_copy(update={"changes": (differs,)}))]

    assert paths == ["image", "wait", "timeout", "remove_labels"]


def test_a_restore_shows_all_that_it_makes() -> None:
    hosts = inventory()
    steps = (Step(operation=RestoredService(spec=SERVICE.model_copy(update={"secrets": (), "configs": ()}))),)
    state, newest = a_swarm(hosts), {"version": "29.4.0", "api_version": "1.55"}
    facts = tuple(one.model_copy(update={"engine": one.engine.model_copy(update=newest)}) for one in state.hosts)
    state = state.model_copy(update={"hosts": facts})
    plan = build(Playbook(name="restore", steps=steps, restore="b1"), state, hosts)

    text, tree = plan_text(plan, ClusterState()), json.dumps(plan_json(plan, ClusterState()))

    for reported in (
        "/host",
        "CAP_SYS_ADMIN",
        "8080:80/tcp",
        "user: root",
        "command: ",
        "args: ",
        "env.A: ",
        "healthcheck: ",
    ):
        assert reported in text
    for reported in ("/host", "CAP_SYS_ADMIN", "8080", "root", "healthcheck"):
        assert reported in tree


def test_a_long_value_is_shown_whole_where_asked_for_and_else_by_its_digest() -> None:
    action = full(next(kind for kind in KINDS if kind.__name__ == "CreateNetwork"))
    long = {"com.docker.network.x": "a" * 500}
    plans = [
        _plan(action.model_copy(update={"spec": NETWORK.model_copy(update={"options": {**long, "z": end}})}))
        for end in ("b", "c")
    ]

    short, other = (plan_text(plan, ClusterState(), view=View(Cover(shows=True))) for plan in plans)

    assert "a" * 200 not in short
    assert "500 characters, sha256 " in short
    assert short != other
    assert "a" * 500 in plan_text(plans[0], ClusterState(), view=View(whole=True))


def test_equal_plans_have_one_digest_under_one_salt() -> None:
    action = full(next(kind for kind in KINDS if kind.__name__ == "CreateService"))

    assert action_digest(action, b"a") == action_digest(action.model_copy(), b"a")
    assert action_digest(action, b"a") != action_digest(action, b"b")


@pytest.mark.parametrize(
    ("name", "wanted", "seen", "compared"),
    [
        ("UpdateService", SERVICE, ServiceSpec(name="web", image="web:0", mode=ServiceMode.GLOBAL), service_changes),
        ("UpdateSwarm", SWARM, SwarmSpec(cert_expiry=99999.0, task_history=1), swarm_changes),
        ("SetNode", VALUES["spec"]["node"], NodeSpec(role=Role.MANAGER), node_changes),
    ],
)
def test_two_updates_that_mean_something_else_differ_in_the_short_text(
    name: str, wanted: BaseModel, seen: BaseModel, compared: Callable[..., tuple[Change, ...]]
) -> None:
    kind, cover = next(kind for kind in KINDS if kind.__name__ == name), Cover()

    def text(spec: BaseModel) -> str:
        update = full(kind).model_copy(update={"spec": spec, "changes": compared(spec, seen)})
        return plan_text(_plan(update), ClusterState(), view=View(cover))

    as_wanted = text(wanted)
    for changed in variants(wanted):
        same_name = getattr(changed, "name", "") == getattr(wanted, "name", "")
        if same_name and compared(changed, wanted, exact=True):
            assert text(changed) != as_wanted, changed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b", "\\x1b"),
        ("\t", "\\t"),
        ('a\nb"', '"a\\nb\\""'),
        (None, "(none)"),
        (None, "null"),
        (1, "1"),
        (-0.5, "-0.5"),
        (True, "true"),
        (["a"], '["a"]'),
        ({}, "{}"),
    ],
)
def test_h2_no_two_values_look_the_same(one: JsonValue, other: JsonValue) -> None:
    create = full(next(kind for kind in KINDS if kind.__name__ == "CreateService"))

    def text(value: JsonValue) -> str:
        spec = SERVICE.model_copy(update={"extra": {"Option": value}})
        return _text(create.model_copy(update={"spec": spec}), Cover(shows=True))

    assert text(one) != text(other)


def test_h8_the_digest_of_a_long_value_tells_nothing_of_a_secret_in_it() -> None:
    create = full(next(kind for kind in KINDS if kind.__name__ == "CreateService"))

    def text(secret: str) -> str:
        SENSITIVE.mark(secret)
        spec = SERVICE.model_copy(update={"env": {"DSN": f"postgres://app:{secret}@db/{'x' * 200}"}})
        return plan_text(_plan(create.model_copy(update={"spec": spec})), ClusterState(), view=View(Cover(shows=True)))

    first = text("canary-hunter1")
    assert "sha256" in first
    assert first.replace("canary-hunter1", "***") == text("canary-hunter2")
