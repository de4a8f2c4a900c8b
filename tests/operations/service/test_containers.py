"""What the containers of a service have: mounts, health, names, rights, limits, as steps write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.engine_json import absorb
from swarmnet.model.redaction import Cover
from swarmnet.model.service import (
    BindOptions,
    Dns,
    Healthcheck,
    Limits,
    Logging,
    Mount,
    MountType,
    Reservations,
    ServiceSpec,
    TmpfsOptions,
    Ulimit,
    VolumeOptions,
)
from tests.operations.service.everything import FULL, WRITTEN, after
from tests.operations.service.test_service import HOSTS, holding, step
from tests.support.plans import plan, refusal

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue


def test_what_is_as_written_is_left_alone() -> None:
    assert plan(step(**WRITTEN), holding(FULL), HOSTS).actions == ()
    assert plan(step(), holding(FULL), HOSTS).actions == ()


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("limits", "{cpus: 1}", Limits(cpus=1.0, memory=64 * 2**20, pids=90)),
        ("limits", "{memory: 0, pids: 0}", Limits(cpus=0.5, memory=0, pids=0)),
        ("reservations", "{cpus: 0.1}", Reservations(cpus=0.1, memory=8 * 2**20, generic={"gpu": 1, "fpga": 2})),
        ("reservations", "{generic: {}}", Reservations(memory=8 * 2**20, generic={})),
        ("logging", "{options: {max-size: 2m}}", Logging(driver="json-file", options={"max-size": "2m"})),
        ("logging", "{driver: syslog}", Logging(driver="syslog")),
        ("logging", "{driver: syslog, options: {tag: a}}", Logging(driver="syslog", options={"tag": "a"})),
        ("healthcheck", "{retries: 5}", Healthcheck(test=("CMD-SHELL", "true"), interval=7.0, retries=5)),
        ("healthcheck", "{test: [CMD, a]}", Healthcheck(test=("CMD", "a"), interval=7.0, retries=4)),
        ("healthcheck", "{disable: true}", Healthcheck(test=("NONE",), interval=7.0, retries=4)),
        ("dns", "{search: [a.b]}", Dns(servers=("10.9.9.9",), search=("a.b",), options=("ndots:1",))),
        ("hosts", "{one: 10.1.1.2}", {"one": "10.1.1.2"}),
        ("ulimits", "{core: 0}", {"core": Ulimit(soft=0, hard=0)}),
    ],
)
def test_the_part_that_a_step_leaves_out_stays_except_for_options_of_another_log_driver(
    field: str, text: str, expected: object
) -> None:
    assert getattr(after(**{field: text}), field) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data:/v:ro", FULL.mounts[0].model_copy(update={"read_only": True}) if FULL.mounts else None),
        ("other:/v", Mount(target="/v", source="other")),
        (
            "{target: /v, source: data, volume: {driver: local}}",
            Mount(target="/v", source="data", volume=VolumeOptions(labels={"a": "b"}, driver="local")),
        ),
        ("/srv:/v", Mount(target="/v", type=MountType.BIND, source="/srv")),
        (
            "/srv:/e",
            Mount(
                target="/e", type=MountType.BIND, source="/srv", read_only=True, bind=BindOptions(propagation="rslave")
            ),
        ),
        ("tmpfs:/t:2M", Mount(target="/t", type=MountType.TMPFS, tmpfs=TmpfsOptions(size=2**21, mode=0o700))),
    ],
)
def test_a_mount_keeps_what_its_step_leaves_out_except_for_options_of_another_volume(
    text: str, expected: Mount
) -> None:
    assert after(mounts=f"[{text if text.startswith('{') else repr(text)}]").mounts == (expected,)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"mounts": "['./conf:/c']"}, "'./conf' is relative to one machine"),
        ({"mounts": "[{type: image, source: 'tools:1', target: /t}]"}, "engines give no task a mount of type image"),
        ({"mounts": "[{type: plugin, source: p, target: /t}]"}, "'cluster'"),
        ({"mounts": "['~/conf:/c']"}, "make the file a config"),
        ({"mounts": "['data:c']"}, "'data:c' is not a mount: write VOLUME:/path"),
        ({"mounts": "['data:/']"}, "target '/' is the container's own root"),
        ({"mounts": "['data:/c:rx']"}, "has the unknown option 'rx'"),
        ({"mounts": "['/a:/c:Z']"}, "engines relabel no mounts of services"),
        ({"mounts": "['a1:/c', 'b1:/c/']"}, "mount on '/c' is listed twice"),
        ({"mounts": "[{type: tmpfs, source: a, target: /c}]"}, "a mount of type tmpfs has no source"),
        ({"mounts": "[{type: bind, target: /c}]"}, "a mount of type bind needs a source"),
        ({"mounts": "[{type: bind, source: data, target: /c}]"}, "'data' is not an absolute path of the host"),
        ({"mounts": "[{source: data, target: /c, tmpfs: {size: 1M}}]"}, "'tmpfs' has options of another kind"),
        ({"mounts": "[{type: tmpfs, target: /c, tmpfs: {mode: 755}}]"}, "write '0755' in quotes"),
        ({"mounts": "[{type: bind, source: /a, target: /c, bind: {create_mountpoint: true}}]"}, "engines drop"),
        ({"mounts": "['a:/c']"}, "'a' is not the name of a volume"),
        ({"healthcheck": "{test: [curl, localhost]}"}, "begins with 'curl'"),
        ({"healthcheck": "{test: [CMD]}"}, "has no command"),
        ({"healthcheck": "{test: [CMD-SHELL, a, b]}"}, "takes one text for the shell"),
        ({"healthcheck": "{disable: true, retries: 3}"}, "leave out retries"),
        ({"healthcheck": "{interval: 0.0001}"}, "less than 1ms"),
        ({"dns": "{servers: [dns.example.org]}"}, "'dns.example.org' is not an IP address"),
        ({"hosts": "{one: two}"}, "one: 'two' is not an IP address"),
        ({"cap_add": "[NET_ADMIM]"}, "'NET_ADMIM' is not a capability"),
        ({"cap_add": "[KILL]", "cap_drop": "[cap_kill]"}, "capability KILL is both added and dropped"),
        ({"ulimits": "{nofile: {soft: 20, hard: 10}}"}, "soft 20 is more than hard 10"),
        ({"ulimits": "{nofile: {soft: -1, hard: 10}}"}, "soft -1 is more than hard 10"),
        ({"ulimits": "{nofiles: 10}"}, "'nofiles' is not a limit that engines know"),
        ({"seccomp": "{mode: custom}"}, "mode custom needs a profile"),
        ({"credential_spec": "{config: a}"}, "engines want config 'a' among the service's configs"),
    ],
)
def test_what_engines_refuse_or_drop_is_refused(fields: dict[str, str], text: str) -> None:
    assert text in refusal(step(**fields), holding(), HOSTS)


def test_an_old_backup_has_mounts_and_health_check_in_extra() -> None:
    container = {
        "Mounts": [
            {"Type": "volume", "Source": "data", "Target": "/v", "VolumeOptions": {"DriverConfig": {}}},
            {"Type": "bind", "Source": "/etc", "Target": "/e", "ReadOnly": True},
        ],
        "Healthcheck": {"Test": ["NONE"]},
        "Hosts": ["10.1.1.1 one"],
    }
    old = ServiceSpec.model_validate(
        {"name": "s", "image": "i", "extra": {"TaskTemplate": {"ContainerSpec": container}}}
    )
    assert absorb(old) == ServiceSpec(
        name="s",
        image="i",
        mounts=(
            Mount(target="/v", source="data"),
            Mount(target="/e", type=MountType.BIND, source="/etc", read_only=True),
        ),
        healthcheck=Healthcheck(test=("NONE",)),
        hosts={"one": "10.1.1.1"},
    )


@pytest.mark.parametrize(
    "part",
    [
        {"Mounts": [{"Type": "volume", "Source": "d", "Target": "/v", "Later": 1}]},
        {"Hosts": ["10.1.1.1 one 1"]},
        {"Hosts": ["10.1.1.1 one", "10.1.1.2 one"]},
        {"Ulimits": [{"Name": "nofile", "Soft": 1}, {"Name": "nofile", "Soft": 2}]},
    ],
)
def test_what_no_field_can_say_stays_in_extra(part: dict[str, object]) -> None:
    extra = {"TaskTemplate": {"ContainerSpec": part}}
    assert absorb(ServiceSpec.model_validate({"name": "s", "image": "i", "extra": extra})).extra == extra


def test_commands_of_health_checks_and_options_of_volumes_are_hidden() -> None:
    cover = Cover()
    assert "hunter2" not in str(cover.value(ServiceSpec, "healthcheck", {"test": ["CMD", "curl", "-u", "u:hunter2"]}))
    options: JsonValue = {"volume": {"options": {"o": "password=hunter2"}, "labels": {"a": "hunter2"}}}
    assert "hunter2" not in str(cover.value(ServiceSpec, "mounts", {"/v": options}))
    assert cover.value(ServiceSpec, "dns", {"options": ["ndots:1"]}) == {"options": ["ndots:1"]}
