"""``image``: from a registry where it is missing, from an archive where it differs; never for other machines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.contents import LocalContents
from swarmnet.edge.operator.image_archive import describe_archive
from swarmnet.errors import ConflictError, ConvergenceError, DocumentError, EngineError, NotFoundError, UsageError
from swarmnet.model.placement_codecs import Platform
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.operations.image.operation import ImageOperation
from swarmnet.operations.playbook import images, with_archives, with_contents
from swarmnet.plan.build import build
from swarmnet.workflows.fleet.observe import Look, observe
from tests.simulator import World
from tests.support.image_archives import config_digest, laid_out, saved
from tests.support.plans import book, reported

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.plan import Plan

PASSWORD = "canary-password"  # noqa: S105
NAME = "reg.example:5000/web:1"
ARM = Platform(os="linux", architecture="arm64")


@dataclass
class Setup:
    """Two hosts and the folder of a playbook."""

    world: World
    folder: Path

    def plan(self, environment: dict[str, str] | None = None, /, **fields: object) -> Plan:
        step = f"- image: {json.dumps({'name': NAME, **fields})}"
        playbook = book(step).model_copy(update={"source": str(self.folder / "p.yml")})
        playbook = with_contents(playbook, LocalContents(environment or {}))
        playbook = with_archives(playbook, lambda path: describe_archive(Path(path)))
        state = observe(self.world.ports(), Look(images=images(playbook)))
        return build(playbook, state, self.world.inventory)

    def apply(self, environment: dict[str, str] | None = None, /, **fields: object) -> Plan:
        plan = self.plan(environment, **fields)
        for action in plan.actions:
            action.run(self.world.ports())
        return plan

    def refusal(self, **fields: object) -> str:
        with pytest.raises(DocumentError) as refused:
            self.plan(**fields)
        return str(refused.value)

    def has(self, host: str, name: str = NAME) -> str | None:
        seen = self.world.engine(host).image(name)
        return None if seen is None else seen.id


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    world = World(managers=1, workers=1)
    world.bootstrap()
    return Setup(world, tmp_path)


LOGIN = {"username": "robot", "password": {"env": "TOKEN"}}


def test_is_pulled_by_each_host_that_lacks_it(setup: Setup) -> None:
    setup.world.machines["m1"].images.add(NAME)

    assert reported(setup.apply()) == [f"image.pull image {NAME} on w1"]

    assert setup.has("w1")
    assert setup.plan().actions == ()


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_login_comes_from_a_file_or_a_variable_and_is_shown_nowhere(setup: Setup, ending: str) -> None:
    setup.world.registries.logins["reg.example:5000"] = ("robot", PASSWORD.encode())
    (setup.folder / "token").write_text(PASSWORD + ending)

    plan = setup.apply(login={"username": "robot", "password": {"file": "token"}})

    assert setup.has("m1")
    assert PASSWORD not in repr(plan) + plan.model_dump_json()
    assert SENSITIVE.masked(f"said {PASSWORD}") == "said ***"


def test_a_registry_that_refuses_is_an_error(setup: Setup) -> None:
    setup.world.registries.logins["reg.example:5000"] = ("robot", PASSWORD.encode())
    for environment, fields in (({}, {}), ({"TOKEN": "wrong-one"}, {"login": LOGIN})):
        with pytest.raises(EngineError, match="unauthorized"):
            setup.apply(environment, **fields)
    setup.world.missing_images.add(NAME)
    with pytest.raises(NotFoundError):
        setup.apply({"TOKEN": PASSWORD}, login=LOGIN)


def test_a_password_that_is_missing_matters_only_where_the_image_is_missing(setup: Setup) -> None:
    said = setup.refusal(login=LOGIN)
    assert f"m1 does not have image {NAME}, and the password is missing: environment variable TOKEN is not set" in said
    for machine in setup.world.machines.values():
        machine.images.add(NAME)
    assert setup.plan(login=LOGIN).actions == ()


@pytest.mark.parametrize("offered", [(ARM,), (ARM, Platform(os="linux", architecture="s390x"))])
def test_an_image_of_a_registry_for_other_machines_does_not_stay(setup: Setup, offered: tuple[Platform, ...]) -> None:
    setup.world.registries.platforms[NAME] = offered

    with pytest.raises(ConvergenceError) as refused:
        setup.apply()

    named = ", ".join(map("{0.os}/{0.architecture}".format, offered))
    assert f"image {NAME} is for {named}, and m1 is linux/amd64" in str(refused.value)
    assert setup.has("m1") is None


def test_one_that_a_host_has_for_other_machines_is_a_problem(setup: Setup) -> None:
    setup.world.machines["w1"].images.add(NAME, ARM)

    said = setup.refusal()

    assert f"image {NAME} that the host has is for linux/arm64, and w1 is linux/amd64" in said
    assert f"docker rmi {NAME}" in said


def test_a_machine_runs_images_of_its_older_relatives(setup: Setup) -> None:
    setup.world.registries.platforms[NAME] = (Platform(os="linux", architecture="386"),)
    setup.apply()
    assert setup.has("m1")


@pytest.mark.parametrize("form", [saved, laid_out])
@pytest.mark.parametrize("names", [(NAME,), ()])
def test_is_sent_from_an_archive_to_hosts_that_have_another_or_none(
    setup: Setup, form: Callable[..., bytes], names: tuple[str, ...]
) -> None:
    (setup.folder / "web.tar").write_bytes(form(*names))
    setup.world.machines["w1"].images.add(NAME)

    plan = setup.apply(archive="web.tar")

    assert [action.why for action in plan.actions] == [
        "the host does not have it",
        "the host has another image of that name",
    ]
    assert {setup.has("m1"), setup.has("w1")} == {config_digest()}
    assert setup.plan(archive="web.tar").actions == ()


def test_an_archive_with_several_platforms_gives_each_host_its_own(setup: Setup) -> None:
    (setup.folder / "web.tar").write_bytes(laid_out(NAME, architectures=("arm64", "amd64"), compressed=True))
    setup.apply(archive="web.tar")
    assert setup.has("m1") == config_digest(content=b"helloamd64")


def test_names_are_compared_as_engines_complete_them(setup: Setup) -> None:
    (setup.folder / "web.tar").write_bytes(saved("web"))
    setup.apply(name="docker.io/library/web:latest", archive="web.tar")
    assert setup.has("m1", "docker.io/library/web:latest")


def test_an_archive_without_that_image_or_for_other_machines_is_refused(setup: Setup) -> None:
    (setup.folder / "web.tar").write_bytes(saved("web:2"))
    (setup.folder / "arm.tar").write_bytes(saved(NAME, architecture="arm64"))
    (setup.folder / "none.tar").write_bytes(b"no archive")

    assert f"web.tar holds web:2, not {NAME}" in setup.refusal(archive="web.tar")
    said = setup.refusal(archive="arm.tar")
    assert f"image {NAME} of {setup.folder}/arm.tar is for linux/arm64, and w1 is linux/amd64" in said
    assert "none.tar is not an image archive (make one with: docker save" in setup.refusal(archive="none.tar")
    assert "no such file" in setup.refusal(archive="gone.tar")


def test_an_archive_that_changed_since_the_plan_is_not_sent(setup: Setup) -> None:
    (setup.folder / "web.tar").write_bytes(saved(NAME))
    plan = setup.plan(archive="web.tar")
    (setup.folder / "web.tar").write_bytes(saved(NAME, content=bytes(20_000)))
    with pytest.raises(UsageError, match="changed since the plan was made"):
        plan.actions[0].run(setup.world.ports())


def test_an_engine_that_took_something_else_is_an_error(setup: Setup) -> None:
    (setup.folder / "web.tar").write_bytes(saved(NAME))
    plan = setup.plan(archive="web.tar")
    (setup.folder / "web.tar").write_bytes(saved(NAME, content=b"other"))
    with pytest.raises(ConvergenceError, match="is not the one in it"):
        plan.actions[0].run(setup.world.ports())


def test_absent_removes_it_unless_a_container_uses_it(setup: Setup) -> None:
    for machine in setup.world.machines.values():
        machine.images.add(NAME)
    setup.world.engine("w1").start_container(ContainerSpec("box", NAME, ("sleep",), {}))
    plan = setup.plan(absent=True)
    assert reported(plan) == [f"image.remove image {NAME} on m1", f"image.remove image {NAME} on w1"]
    plan.actions[0].run(setup.world.ports())
    with pytest.raises(ConflictError) as used:
        plan.actions[1].run(setup.world.ports())
    assert used.value.hint is not None
    assert "docker ps -a" in used.value.hint
    assert setup.has("m1") is None


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"absent": True, "timeout": 3}, "leave out timeout"),
        ({"archive": "a.tar", "login": LOGIN}, "an archive needs no registry"),
        ({"archive": "a.tar", "name": f"web@sha256:{'a' * 64}"}, "write name:tag"),
        ({"login": {"username": "u", "password": {"text": PASSWORD}}}, "the password of u is in the playbook"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(fields: dict[str, object], fault: str) -> None:
    (found,) = ImageOperation.model_validate({"name": NAME, **fields}).faults()
    assert fault in found
    assert PASSWORD not in found


def test_a_name_that_engines_refuse_is_refused() -> None:
    with pytest.raises(ValueError, match="is not an image reference"):
        ImageOperation.model_validate({"name": "Web Shop"})
