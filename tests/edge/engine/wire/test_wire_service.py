"""Services and tasks on the wire: laws for all specs, and what real engines said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.edge.engine.wire.parts import as_object, as_text, pruned
from swarmnet.edge.engine.wire.service import (
    Names,
    service_from_wire,
    service_to_wire,
    spec_from_wire,
    task_from_wire,
    updated,
)
from swarmnet.model.merge import lay
from swarmnet.model.service import (
    Attachment,
    BindOptions,
    CredentialSpec,
    Dns,
    EndpointMode,
    FileReference,
    Healthcheck,
    ImageOptions,
    Limits,
    Logging,
    Mount,
    MountType,
    Platform,
    Protocol,
    PublishedPort,
    PublishMode,
    Reservations,
    RestartPolicy,
    Seccomp,
    SELinux,
    ServiceMode,
    ServiceSpec,
    TmpfsOptions,
    Ulimit,
    UpdatePolicy,
    VolumeOptions,
)
from tests.report.service_sample import SERVICE
from tests.support.recorded import VERSIONS, named, objects, recorded

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue

NAMES = Names(
    networks={"n1": "id1", "n2": "id2"},
    configs={"c1": "idc1"},
    secrets={"s1": "ids1"},
)
texts = st.text(min_size=1, max_size=8)
labels = st.dictionaries(texts, st.text(max_size=8), max_size=3)
words = st.lists(texts, max_size=3).map(tuple)
durations = st.integers(0, 10**15).map(lambda nanos: nanos / 10**9)
amounts = {
    "cpus": st.none() | st.integers(1, 10**12).map(lambda nanos: nanos / 10**9),
    "memory": st.none() | st.integers(4 * 1024 * 1024, 2**60),
}
counts = st.dictionaries(texts, st.integers(0, 2**60), max_size=3)
# One part is always there: an empty object reads as none.
limits = st.builds(
    Limits,
    **amounts,
    pids=st.integers(1, 2**60),
    swap=st.none() | st.integers(-1, 2**60),
    swappiness=st.none() | st.integers(-1, 100),
)
reservations = st.builds(Reservations, **amounts, generic=counts)
logs = st.builds(Logging, driver=st.sampled_from(["json-file", "local"]), options=st.none() | labels)
platforms = st.builds(Platform, os=st.sampled_from(["linux", ""]), architecture=st.sampled_from(["amd64", "arm64"]))
policies = st.builds(
    UpdatePolicy,
    parallelism=st.integers(0, 2**60),
    delay=durations,
    failure_action=st.sampled_from(["pause", "continue", "rollback"]),
    monitor=durations,
    max_failure_ratio=st.floats(0, 1),
    order=st.sampled_from(["stop-first", "start-first"]),
)
restarts = st.builds(
    RestartPolicy,
    condition=st.sampled_from(["none", "on-failure", "any"]),
    delay=durations,
    max_attempts=st.integers(0, 2**60),
    window=durations,
)
ports = st.builds(
    PublishedPort,
    target=st.integers(1, 65535),
    published=st.none() | st.integers(1, 65535),
    protocol=st.sampled_from(Protocol),
    mode=st.sampled_from(PublishMode),
)


def files(source: str) -> st.SearchStrategy[tuple[FileReference, ...]]:
    one = st.builds(
        FileReference,
        source=st.just(source),
        target=texts,
        uid=texts,
        gid=texts,
        mode=st.integers(0, 0o7777),
    )
    return st.lists(one, max_size=2).map(tuple)


attachments = st.lists(
    st.builds(Attachment, network=st.sampled_from(["n1", "n2"]), aliases=words, options=labels), max_size=2
).map(tuple)
names = st.text("abcXYZ", min_size=2, max_size=5)
paths = names.map(lambda name: f"/{name}")
addresses = st.ip_addresses().map(str)
healthchecks = st.builds(
    Healthcheck,
    test=st.sampled_from([None, ("NONE",), ("CMD-SHELL", "true"), ("CMD", "a", "b c")]),
    interval=st.none() | durations.filter(lambda value: value == 0 or value >= 1),
    timeout=st.sampled_from([1.0, 3.5]),
    retries=st.integers(0, 2**60),
    start_period=st.sampled_from([None, 0.0, 90.0]),
    start_interval=st.sampled_from([None, 0.001, 2.0]),
)
dns = st.builds(
    Dns,
    servers=st.lists(addresses, max_size=2).map(tuple),
    search=st.none() | words,
    options=st.none() | words,
)
ulimit = st.tuples(st.integers(-1, 2**50), st.integers(0, 2**50)).map(
    lambda pair: Ulimit(soft=-1, hard=-1) if pair[0] == -1 else Ulimit(soft=pair[0], hard=sum(pair))
)
capabilities = st.lists(st.sampled_from(["ALL", "CAP_CHOWN", "CAP_KILL", "KILL", "CAP_BPF"]), max_size=3).map(tuple)
binds = st.builds(BindOptions, propagation=st.sampled_from(["rprivate", "rshared"]), non_recursive=st.booleans())
volumes = st.builds(
    VolumeOptions,
    driver=st.none() | texts,
    options=st.none() | labels,
    labels=st.none() | labels,
    nocopy=st.booleans(),
    subpath=st.none() | texts,
)
memories = st.builds(
    TmpfsOptions,
    size=st.integers(0, 2**60),
    mode=st.none() | st.integers(0, 0o7777),
    options=st.none() | st.lists(st.sampled_from(["noexec", "uid=7", "a=b=c"]), max_size=2).map(tuple),
)


def mounts_of(
    kind: MountType, source: st.SearchStrategy[str | None], **options: st.SearchStrategy[object]
) -> st.SearchStrategy[Mount]:
    common = {"target": paths, "source": source, "read_only": st.none() | st.booleans()}
    return st.builds(Mount, type=st.just(kind), consistency=st.sampled_from([None, "cached"]), **common, **options)


mounts = st.lists(
    st.one_of(
        mounts_of(MountType.VOLUME, st.none() | names, volume=st.none() | volumes),
        mounts_of(MountType.BIND, paths, bind=st.none() | binds),
        mounts_of(MountType.TMPFS, st.none(), tmpfs=st.none() | memories),
        mounts_of(MountType.IMAGE, names, image=st.none() | st.builds(ImageOptions, subpath=texts)),
    ),
    max_size=3,
    unique_by=lambda one: one.target,
).map(tuple)
SPECIAL: dict[str, st.SearchStrategy[object]] = {
    "name": texts,
    "image": texts,
    "env": st.none() | st.dictionaries(texts.filter(lambda key: "=" not in key), st.text(max_size=8), max_size=3),
    "networks": st.none() | attachments,
    "ports": st.none() | st.lists(ports, max_size=3).map(tuple),
    "endpoint_mode": st.none() | st.sampled_from(EndpointMode),
    "max_replicas_per_node": st.none() | st.integers(0, 2**60),
    "platforms": st.none() | st.lists(platforms, max_size=2).map(tuple),
    "limits": st.none() | limits,
    "reservations": st.none() | reservations,
    "logging": st.none() | logs,
    "update": st.none() | policies,
    "rollback": st.none() | policies,
    "restart": st.none() | restarts,
    "configs": st.none() | files("c1"),
    "secrets": st.none() | files("s1"),
    "labels": labels,
    "stop_grace_period": st.none() | durations,
    "mounts": st.none() | mounts,
    "healthcheck": st.none() | healthchecks,
    "dns": st.none() | dns,
    "hosts": st.none() | st.dictionaries(names, addresses, max_size=3),
    "cap_add": st.none() | capabilities,
    "cap_drop": st.none() | capabilities,
    "seccomp": st.none() | st.builds(Seccomp, mode=st.just("custom"), profile=st.just('{"a":1}')),
    "apparmor": st.none() | st.sampled_from(["default", "disabled"]),
    "selinux": st.none() | st.builds(SELinux, disable=st.booleans(), user=st.none() | texts, level=st.none() | texts),
    "credential_spec": st.none() | st.builds(CredentialSpec, file=texts),
    "ulimits": st.none() | st.dictionaries(st.sampled_from(["nofile", "nproc", "core"]), ulimit, max_size=3),
    "oom_score_adj": st.none() | st.integers(-1000, 1000),
    "isolation": st.none() | st.sampled_from(["default", "process", "hyperv"]),
    "extra": st.sampled_from(
        [{}, {"TaskTemplate": {"ForceUpdate": 2**60, "ContainerSpec": {"Later": True}}}, {"New": {"Field": [1, None]}}]
    ),
}
"""Values of the fields that a form, a bound or a reference restricts; all others take any value of their type."""
_OF_TYPE: dict[type, st.SearchStrategy[object]] = {str: texts, bool: st.booleans(), dict: labels, tuple: words}
FIELDS = SPECIAL | {
    name: st.none() | _OF_TYPE[type(getattr(SERVICE, name))]
    for name in ServiceSpec.model_fields
    if name not in (*SPECIAL, "mode", "replicas", "max_concurrent")
}
JOB_FIELDS = {name: one for name, one in FIELDS.items() if name != "update"}  # engines refuse it
numbers = st.integers(0, 2**60)
specs = (
    st.builds(ServiceSpec, mode=st.just(ServiceMode.REPLICATED), replicas=numbers, **FIELDS)
    | st.builds(ServiceSpec, mode=st.just(ServiceMode.GLOBAL), **FIELDS)
    | st.builds(
        ServiceSpec,
        mode=st.just(ServiceMode.REPLICATED_JOB),
        replicas=numbers,
        max_concurrent=numbers,
        **JOB_FIELDS,
    )
    | st.builds(ServiceSpec, mode=st.just(ServiceMode.GLOBAL_JOB), **JOB_FIELDS)
)


@settings(max_examples=60)
@given(specs)
def test_every_spec_comes_back_as_it_was_sent(spec: ServiceSpec) -> None:
    assert spec_from_wire(service_to_wire(spec, NAMES), NAMES) == spec


def test_a_service_without_a_number_of_replicas_gets_one() -> None:
    body = service_to_wire(ServiceSpec(name="s", image="i"), NAMES)
    assert body["Mode"] == {"Replicated": {"Replicas": 1}}


def test_a_policy_that_names_no_number_of_tasks_changes_one_at_a_time() -> None:
    spec = ServiceSpec(name="s", image="i", update=UpdatePolicy(order="start-first"))
    created = service_to_wire(spec, NAMES)
    assert created["UpdateConfig"] == {"Parallelism": 1, "Order": "start-first"}  # engines take none as all at once
    present: JsonObject = {"Name": "s", "TaskTemplate": {"ContainerSpec": {"Image": "i"}}}
    assert updated(present, spec, NAMES, NAMES)["UpdateConfig"] == created["UpdateConfig"]
    present["UpdateConfig"] = {"Parallelism": 0}
    changed = updated(present, lay(spec_from_wire(present, NAMES), spec), NAMES, NAMES)
    assert changed["UpdateConfig"] == {"Parallelism": 0, "Order": "start-first"}


def test_nothing_is_said_of_what_is_not_managed() -> None:
    body = service_to_wire(ServiceSpec(name="s", image="i"), NAMES)
    assert set(body) == {"Name", "Labels", "TaskTemplate", "Mode"}
    assert body["TaskTemplate"] == {"ContainerSpec": {"Image": "i"}}


@pytest.mark.parametrize(
    "env", [["A"], ["A=1", "A=2"], [1]], ids=["unsets a variable", "names one twice", "holds a number"]
)
def test_an_environment_that_no_map_can_say_is_kept_as_it_is(env: list[JsonValue]) -> None:
    seen: JsonObject = {"Name": "s", "TaskTemplate": {"ContainerSpec": {"Image": "i", "Env": list(env)}}}
    spec = spec_from_wire(seen, NAMES)
    assert spec.env is None
    assert as_object(as_object(service_to_wire(spec, NAMES)["TaskTemplate"])["ContainerSpec"])["Env"] == env


def test_ports_have_names() -> None:
    spec = spec_from_wire({"EndpointSpec": {"Ports": [{"Name": "web", "TargetPort": 80}]}}, NAMES)
    assert spec.ports == (PublishedPort(target=80, name="web"),)


def test_ports_with_a_strange_part_are_kept_whole() -> None:
    strange: list[JsonValue] = [{"Colour": "green", "TargetPort": 80}, {"TargetPort": 81}]
    spec = spec_from_wire({"EndpointSpec": {"Ports": strange}}, NAMES)
    assert spec.ports is None
    assert service_to_wire(spec, NAMES)["EndpointSpec"] == {"Ports": strange}


def test_a7_networks_instead_of_old_are_found() -> None:
    spec = spec_from_wire({"Networks": [{"Target": "id2"}], "TaskTemplate": {}}, NAMES)
    assert spec.networks == (Attachment(network="n2"),)


def test_a_network_without_a_known_name_keeps_its_id() -> None:
    spec = spec_from_wire({"TaskTemplate": {"Networks": [{"Target": "unknown"}]}}, NAMES)
    assert spec.networks == (Attachment(network="unknown"),)


def test_a_config_made_again_is_written_with_its_new_id() -> None:
    spec = ServiceSpec(name="s", image="i", configs=(FileReference(source="c1", target="/c"),))
    body = service_to_wire(spec, Names(configs={"c1": "new"}))
    container = as_object(as_object(body["TaskTemplate"])["ContainerSpec"])
    assert container["Configs"] == [
        {"ConfigID": "new", "ConfigName": "c1", "File": {"Name": "/c", "UID": "0", "GID": "0", "Mode": 0o444}}
    ]


def names_of(version: str) -> Names:
    networks = [*objects(version, "networks"), as_object(recorded(version)["hidden"])]
    swarm = {as_text(net["Name"]): as_text(net["Id"]) for net in networks if net["Scope"] == "swarm"}
    ids = {
        kind: {as_text(as_object(entry["Spec"])["Name"]): as_text(entry["ID"]) for entry in objects(version, kind)}
        for kind in ("configs", "secrets")
    }
    return Names(swarm, ids["configs"], ids["secrets"])


@pytest.mark.parametrize("version", VERSIONS)
class TestRecorded:
    @pytest.mark.parametrize("name", ["plain", "full", "everywhere", "job", "hosted"])
    def test_nothing_is_lost_on_the_way_there_and_back(self, version: str, name: str) -> None:
        seen = as_object(named(version, "services", name)["Spec"])
        names = names_of(version)
        back = service_to_wire(spec_from_wire(seen, names), names)
        assert pruned(back) == pruned(seen)

    def test_all_of_a_rich_service_is_read(self, version: str) -> None:
        spec = service_from_wire(named(version, "services", "full"), names_of(version)).spec
        assert spec.networks == (Attachment(network="front", aliases=("www",)),)
        assert spec.env == {"A": "1", "B": "x=y"}
        assert spec.limits == Limits(cpus=0.5, memory=64 * 1024 * 1024)
        assert spec.update == UpdatePolicy(
            parallelism=2, delay=3.0, failure_action="pause", monitor=5.0, max_failure_ratio=0.0, order="start-first"
        )
        assert spec.rollback is not None
        assert (spec.rollback.monitor, spec.rollback.delay) == (7.0, None)
        assert spec.restart == RestartPolicy(condition="on-failure", delay=5.0, max_attempts=3, window=90.0)
        assert spec.configs == (FileReference(source="conf", target="/etc/conf", mode=0o400),)
        assert spec.secrets == (FileReference(source="sec", target="sec", uid="5"),)
        assert spec.stop_grace_period == 90.0
        assert spec.ports is not None
        assert [port.published for port in spec.ports] == [8080, 5353]

    def test_all_of_its_containers_has_fields(self, version: str) -> None:
        spec = spec_from_wire(_spec(version, "full"), names_of(version))
        assert spec.mounts
        assert spec.healthcheck is not None
        assert spec.healthcheck.test
        assert "ContainerSpec" not in as_object(spec.extra.get("TaskTemplate"))

    def test_placement_and_log_driver_have_fields(self, version: str) -> None:
        spec = spec_from_wire(_spec(version, "full"), names_of(version))
        assert spec.spread is not None
        assert spec.logging is not None
        assert not {"Placement", "Resources", "LogDriver"} & as_object(spec.extra["TaskTemplate"]).keys()

    def test_jobs_stay_jobs(self, version: str) -> None:
        spec = spec_from_wire(_spec(version, "job"), names_of(version))
        assert (spec.mode, spec.replicas, spec.max_concurrent) == (ServiceMode.REPLICATED_JOB, 2, 2)
        assert "Mode" not in spec.extra

    def test_the_run_of_a_job_is_known(self, version: str) -> None:
        service = service_from_wire(named(version, "services", "job"), names_of(version))
        tasks = [task_from_wire(task) for task in objects(version, "tasks")]
        assert {task.run for task in tasks if task.service_id == service.id} <= {service.run}
        assert service.run == 0

    def test_the_hosts_network_has_its_name(self, version: str) -> None:
        assert spec_from_wire(_spec(version, "hosted"), names_of(version)).networks == (Attachment(network="host"),)

    def test_virtual_addresses_are_by_network_name(self, version: str) -> None:
        service = service_from_wire(named(version, "services", "full"), names_of(version))
        assert set(service.virtual_ips) == {"front", "ingress"}

    def test_tasks_tell_addresses_or_what_went_wrong(self, version: str) -> None:
        tasks = [task_from_wire(task) for task in objects(version, "tasks")]
        assert any("unable to find user nobody" in task.message for task in tasks)
        attached = [task for task in tasks if task.service_id is None]
        assert [task.id for task in tasks if bool(task.image) is (task in attached)] == []
        assert [(task.networks, bool(task.container_id)) for task in attached] == [
            ({"front": ("10.60.0.200/24",)}, True)
        ]


def _spec(version: str, name: str) -> JsonObject:
    return as_object(named(version, "services", name)["Spec"])
