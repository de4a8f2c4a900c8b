"""One rule of what is hidden, over every place where a value may hold a secret (H8, M5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.engine.wire.parts import as_object
from swarmnet.model.engine_json import absorb, write
from swarmnet.model.fields import EXTRA, described, lines
from swarmnet.model.merge import merge
from swarmnet.model.plan import Change
from swarmnet.model.redaction import Cover, specs
from swarmnet.model.service import ServiceMode, ServiceSpec
from tests.report.test_shown import VALUES

if TYPE_CHECKING:
    from swarmnet.model.base import Document, JsonObject, JsonValue

CANARY = "correct-horse-battery"
PLANTED = {
    "an environment variable": ("env", {"FLAG": CANARY}),
    "one whose name says nothing": ("env.MODE", CANARY),
    "a label": ("labels.traefik.http.middlewares.auth.basicauth.users", CANARY),
    "a label of containers": ("container_labels", {"x": CANARY}),
    "an argument": ("args", ["--password", CANARY]),
    "an argument of one word": ("args", [f"--password={CANARY}"]),
    "a short argument": ("command", ["mysql", f"-p{CANARY}"]),
    "a URL in an argument": ("args", [f"postgres://u:{CANARY}@db/x"]),
    "a driver's option": ("options.o", CANARY),
    "an option of the address manager": ("ipam_options", {"token": CANARY}),
    "an option of an attachment": ("networks.front", {"aliases": [], "options": {"k": CANARY}}),
    "one to a network with the name of a field": ("networks.dns", {"aliases": [], "options": {"k": CANARY}}),
    "one to a network with the name of its field": ("networks.network", {"aliases": [], "options": {"k": CANARY}}),
    "an option of a container's place on a network": ("endpoints", [{"network": "lan", "options": {"k": CANARY}}]),
    "an option of a volume that is mounted": ("mounts./v", {"volume": {"options": {"o": CANARY}}}),
    "a variable that looks like a line of one": ("env.A", f"{CANARY}=x"),
    "a field that nothing is known of": ("novelty", {"k": CANARY}),
    "a rest of the environment": ("extra.TaskTemplate", {"ContainerSpec": {"Env": [f"A={CANARY}"]}}),
    "a health check": ("extra.TaskTemplate.ContainerSpec.Healthcheck.Test", ["CMD", "curl", "-u", f"u:{CANARY}"]),
    "an option of a log driver": ("extra.TaskTemplate.LogDriver.Options.splunk-token", CANARY),
    "an option of a volume": ("extra.Mounts", [{"VolumeOptions": {"DriverConfig": {"Options": {"o": CANARY}}}}]),
    "a label of a volume": ("extra.Mounts", [{"VolumeOptions": {"Labels": {"Name": CANARY}}}]),
    "a key of the engine that is not known yet": ("extra.TaskTemplate.Novelty", CANARY),
    "a user in a URL": ("image", f"https://token:{CANARY}@registry.example/web"),
    "a token in a URL": ("extra.Source", f"https://{CANARY}@host/x"),
}


@pytest.mark.parametrize(("path", "value"), PLANTED.values(), ids=PLANTED)
def test_what_may_hold_a_secret_is_hidden_and_shown_on_request(path: str, value: object) -> None:
    change = Change.model_validate({"path": path, "after": value})

    assert CANARY not in Cover().change(change).model_dump_json()
    assert Cover(shows=True).change(change) == change


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image", "registry.example/web:1"),
        ("env", {"NAME": ""}),
        ("labels.io.swarmnet.managed", "shop"),
        ("options.com.docker.network.driver.mtu", "1400"),
        ("args", ["--verbose"]),
        ("sysctls.net.core.somaxconn", "1024"),
        ("hosts.db.example", "10.0.0.7"),
        ("mounts./v", {"type": "tmpfs", "tmpfs": {"options": ["noexec"]}}),
        ("networks", ["front"]),
        ("endpoints", [{"network": "front", "ipv4": "10.0.0.7", "aliases": ["old"]}]),
        ("argv", ["touch", "/x"]),
        ("logging", {"driver": "json-file", "options": {"max-size": "10m"}}),
        ("extra.TaskTemplate.ContainerSpec.Env", ["UNSET"]),
        ("extra.TaskTemplate.Networks", [{"Target": "front", "Aliases": ["db"]}]),
        (
            "extra.TaskTemplate.ContainerSpec.Mounts",
            [{"Type": "bind", "Source": "/", "Target": "/h"}],
        ),
        ("extra.TaskTemplate.ContainerSpec.CapabilityAdd", ["CAP_SYS_ADMIN"]),
    ],
)
def test_what_a_task_may_do_is_shown(path: str, value: object) -> None:
    change = Change.model_validate({"path": path, "after": value})

    assert Cover().change(change) == change


def test_equal_values_have_equal_tags_in_one_run_alone() -> None:
    one, other = Cover(), Cover()

    def tagged(cover: Cover, value: str) -> str:
        return json.dumps(cover.value(ServiceSpec, "env", {"A": value}))

    assert tagged(one, CANARY) == tagged(one, CANARY) != tagged(one, "x")
    assert tagged(one, CANARY) != tagged(other, CANARY)


SAMPLES: dict[type[Document], Document] = {
    type(spec): spec for spec in VALUES["spec"].values() if type(spec) in specs()
}
"""Of each kind of object a spec with every field filled."""


def test_every_kind_of_object_has_a_sample_and_lines() -> None:
    assert set(SAMPLES) == set(specs())
    assert all(described(spec) for spec in specs())


WHOLE = SAMPLES | {
    ServiceSpec: SAMPLES[ServiceSpec].model_copy(
        update={"mode": ServiceMode.REPLICATED, "replicas": 3, "max_concurrent": None}
    )
}
"""The same, of services as an engine may have one."""
FIELDS = [(spec, name) for spec in SAMPLES for name in lines(spec)]


@pytest.mark.parametrize(("spec", "name"), FIELDS, ids=[f"{spec.__name__}.{name}" for spec, name in FIELDS])
class TestFieldsOfEveryKind:
    def test_what_the_line_hides_is_hidden_wherever_it_is_shown(self, spec: type[Document], name: str) -> None:
        line, cover = lines(spec)[name], Cover()
        if line.codec.model is not None:
            return  # its own fields have lines, below
        value: JsonValue = {"a": CANARY} if "by name" in line.codec.word else [CANARY]
        nested: JsonValue = value
        for key in reversed(line.keys):
            nested = {key: nested}
        shown = [cover.value(spec, name, value), cover.change(Change(path=name, after=value)).after]
        if EXTRA in spec.model_fields and not line.outside:
            shown.append(cover.value(spec, EXTRA, nested))
        assert [CANARY not in json.dumps(one) for one in shown] == [line.hidden] * len(shown)

    def test_what_gets_a_field_later_is_read_from_where_older_backups_keep_it(
        self, spec: type[Document], name: str
    ) -> None:
        whole, line, field = absorb(WHOLE[spec]), lines(spec)[name], spec.model_fields[name]
        default = field.get_default(call_default_factory=True)
        outer = [
            other
            for other, one in lines(spec).items()
            if one.codec.holds_fields and one is not line and line.keys[: len(one.keys)] == one.keys
        ]
        kept = _only(write({}, None, whole), line.keys)
        if line.outside or field.is_required() or getattr(whole, name) == default or name == "mode":
            return
        older = whole.model_copy(update={name: default})
        if outer:
            options = _only(write({}, None, whole), line.keys)
            for key in line.keys[:-1]:
                options = as_object(options[key])
            older = older.model_copy(update={outer[0]: getattr(older, outer[0]) | options})
        elif EXTRA in spec.model_fields:
            older = older.model_copy(update={EXTRA: merge(getattr(whole, EXTRA), kept)})
        else:
            return
        assert absorb(older) == whole


def _only(body: JsonObject, keys: tuple[str, ...]) -> JsonObject:
    """Return the part of the engine's JSON that one field is in."""
    key, *inner = keys
    return {key: _only(as_object(body.get(key)), tuple(inner)) if inner else body.get(key)}


PARTS = sorted(
    {line.codec.model for spec in SAMPLES for line in lines(spec).values() if line.codec.model is not None},
    key=lambda part: part.__name__,
)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_what_the_line_of_a_part_hides_is_hidden(part: type[Document]) -> None:
    for name, line in lines(part).items():
        if line.codec.model is None:
            value: JsonValue = {"a": CANARY} if "by name" in line.codec.word else [CANARY]
            assert (CANARY not in json.dumps(Cover().value(part, name, value))) is line.hidden, name
