"""Containers outside of services: what is written is read back, and what ``docker run`` wrote is read as fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.engine.wire.container import limits_to_wire, made_from_wire, plain_to_wire
from swarmnet.edge.engine.wire.engine import container_from_inspect
from swarmnet.edge.engine.wire.parts import as_object
from swarmnet.model.compare import container_changes
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.plain_container import PlainContainer, PlainLimits
from swarmnet.model.service_mounts import Mount, MountType, TmpfsOptions
from swarmnet.model.state import Container
from swarmnet.model.version import ApiVersion
from swarmnet.operations.container.operation import ContainerOperation
from swarmnet.operations.written import written
from tests.report.container_sample import CONTAINER

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

ID = "0ca2e83ad042" + "0" * 52
OLD, NEW = ApiVersion(1, 41), ApiVersion(1, 51)
IMAGE: JsonObject = {
    "Config": {
        "Env": ["PATH=/bin", "LANG=C"],
        "Cmd": ["httpd"],
        "Labels": {"v": "4"},
        "User": "app",
        "Volumes": {"/var/lib/x": {}},
        "ExposedPorts": {"80/tcp": {}},
    }
}
RUN: JsonObject = {
    "Id": ID,
    "Name": "/legacy",
    "Config": {
        "Hostname": ID[:12],
        "User": "app",
        "Env": ["A=1", "PATH=/bin", "LANG=C"],
        "Cmd": ["httpd"],
        "Image": "web:1",
        "Volumes": {"/var/lib/x": {}},
        "ExposedPorts": {"80/tcp": {}},
        "Labels": {"v": "4", "l": "v"},
        "AttachStdout": False,
        "Healthcheck": {"Test": ["CMD-SHELL", "true"]},
        "StopTimeout": 3,
    },
    "HostConfig": {
        "Binds": ["named:/data", "/etc:/x:ro,rshared", "/lib:/z:z"],
        "Tmpfs": {"/y": "size=9m", "/w": "mode=1777"},
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
        "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
        "NetworkMode": "bridge",
        "ExtraHosts": ["a:1.2.3.4"],
        "Memory": 67108864,
        "MemorySwap": 134217728,
        "NanoCpus": 500000000,
        "PidsLimit": None,
        "CpuShares": 0,
        "CapAdd": ["CAP_NET_ADMIN"],
        "Ulimits": [{"Name": "nofile", "Hard": 99, "Soft": 99}],
        "ShmSize": 67108864,
        "Privileged": False,
        "Isolation": "",
        "MaskedPaths": ["/proc/acpi"],
    },
    "Mounts": [
        {"Type": "volume", "Name": "ab" * 32, "Destination": "/var/lib/x"},
        {"Type": "volume", "Name": "named", "Destination": "/data"},
    ],
    "State": {"ExitCode": 0, "Health": {"Status": "starting"}},
}


def shown(body: JsonObject) -> JsonObject:
    """Return what inspect shows of a container that was created so."""
    config = {key: value for key, value in body.items() if key not in ("HostConfig", "NetworkingConfig")}
    return {"Id": ID, "Name": "/legacy", "Config": config, "HostConfig": body.get("HostConfig", {})}


@given(st.fixed_dictionaries({name: st.booleans() for name in PlainContainer.model_fields}))
def test_what_is_written_is_read_back(chosen: dict[str, bool]) -> None:
    left_out = {name: None for name, kept in chosen.items() if not kept and name not in ("name", "image")}
    mounts = (Mount(target="/x", type=MountType.BIND, source="/etc", read_only=True), Mount(target="/d", source="data"))
    fields = {**dict(CONTAINER), "mounts": mounts, **left_out}
    spec = PlainContainer.model_validate({**fields, "labels": fields["labels"] or {}, "extra": fields["extra"] or {}})

    made = made_from_wire(shown(plain_to_wire(spec, (), NEW)), {})

    assert container_changes(spec, made.spec) == container_changes(made.spec, spec) == ()
    assert ContainerOperation.model_validate(written(ContainerOperation, spec)).written == spec


def test_what_docker_run_wrote_is_read_as_fields() -> None:
    made = made_from_wire(RUN, IMAGE)

    assert made.spec.model_dump(exclude_defaults=True) == PlainContainer(
        name="legacy",
        image="web:1",
        env={"A": "1"},
        labels={"l": "v"},
        mounts=made.spec.mounts,
        ports=made.spec.ports,
        restart="on-failure:3",
        limits=PlainLimits(cpus=0.5, memory=64 << 20, swap=128 << 20, cpu_shares=0),
        healthcheck=made.spec.healthcheck,
        hosts={"a": "1.2.3.4"},
        stop_grace_period=3.0,
        privileged=False,
        cap_add=("CAP_NET_ADMIN",),
        ulimits=made.spec.ulimits,
        extra={"HostConfig": {"Binds": ["/lib:/z:z"], "Tmpfs": {"/w": "mode=1777"}, "ShmSize": 67108864}},
    ).model_dump(exclude_defaults=True)
    assert {one.target: (one.type, one.source, one.read_only) for one in made.spec.mounts or ()} == {
        "/data": (MountType.VOLUME, "named", None),
        "/x": (MountType.BIND, "/etc", True),
        "/y": (MountType.TMPFS, None, None),
    }
    assert [one.text for one in made.spec.ports or ()] == ["8080:80/tcp"]
    assert (made.volumes, made.health) == ({"/var/lib/x": "ab" * 32}, "starting")
    assert (made.whole.user, made.whole.args, made.whole.labels) == ("app", ("httpd",), {"v": "4", "l": "v"})
    assert made.whole.env == {"A": "1", "PATH": "/bin", "LANG": "C"}


def test_a_mount_replaces_a_short_form_that_has_no_field() -> None:
    made = made_from_wire(RUN, IMAGE)
    tmpfs = Mount(target="/w", type=MountType.TMPFS, tmpfs=TmpfsOptions(size=9 << 20))
    mounts = (Mount(target="/z", type=MountType.BIND, source="/lib"), tmpfs)

    host = plain_to_wire(made.spec.model_copy(update={"mounts": mounts}), (), NEW)["HostConfig"]

    assert isinstance(host, dict)
    assert (host["Binds"], host["Tmpfs"]) == ([], {})


@pytest.mark.parametrize(("version", "named"), [(OLD, ["front"]), (NEW, ["front", "back"])])
def test_engines_take_one_network_or_all_when_a_container_is_created(version: ApiVersion, named: list[str]) -> None:
    places = (EndpointSpec(network="front", mac="02:42:0a:01:00:09"), EndpointSpec(network="back"))

    body = plain_to_wire(CONTAINER, places, version)

    config = as_object(body["NetworkingConfig"])
    assert [*as_object(config["EndpointsConfig"])] == named
    assert body.get("MacAddress") == ("02:42:0a:01:00:09" if version == OLD else None)


@pytest.mark.parametrize(
    ("version", "networks", "mac", "mode"),
    [
        (NEW, ("front", "back"), None, "default"),
        (NEW, ("front",), None, "front"),
        (NEW, ("front", "back"), "02:42:0a:01:00:09", "front"),
        (OLD, ("front", "back"), None, "front"),
    ],
)
def test_the_mode_names_no_network_where_an_engine_joins_several_in_any_order(
    version: ApiVersion, networks: tuple[str, ...], mac: str | None, mode: str
) -> None:
    places = tuple(EndpointSpec(network=one, mac=mac) for one in networks)

    body = plain_to_wire(CONTAINER, places, version)

    assert as_object(body["HostConfig"])["NetworkMode"] == mode


def test_an_update_sends_limits_and_restart_alone() -> None:
    spec = PlainContainer(name="x", image="x", env={"A": "1"}, restart="always", limits=PlainLimits(pids=5))

    assert limits_to_wire(spec) == {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "PidsLimit": 5}


def test_a_mac_address_was_asked_for_on_the_network_that_a_container_was_created_on() -> None:
    networks: JsonObject = {"back": {"NetworkID": "n2"}, "front": {"NetworkID": "n1"}}
    seen: JsonObject = {
        "Config": {"MacAddress": "02:42:0a:01:00:09"},
        "HostConfig": {"NetworkMode": "front"},
        "NetworkSettings": {"Networks": networks},
    }
    listed = Container(id=ID, name="legacy", image="web:1", running=True)

    endpoints = container_from_inspect(listed, seen).endpoints

    assert {one.network: one.mac for one in endpoints} == {"back": None, "front": "02:42:0a:01:00:09"}
