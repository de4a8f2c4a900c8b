"""``image`` on engines 20.10, 26.1 and 28.5: from a registry that asks for a login, and from archives of every form."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING

import docker as engine_client
import pytest
import requests

from swarmnet.lab import Fault, Lab, LabSpec
from tests.support.certificates import Authority
from tests.support.commands import Operator, docker
from tests.support.image_archives import laid_out, saved
from tests.support.labs import fresh_name
from tests.support.registry import TLSRegistry, forwarded_engine, running_registry, trust_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.lab
ENGINES = {"m1": "20.10", "w1": "26.1", "w2": "28.5"}
LOGIN = ("robot", "canary-of-the-registry")
SECRET = {"REGISTRY_PASSWORD": LOGIN[1]}
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


@pytest.fixture(scope="module")
def images_lab() -> Iterator[Lab]:
    with Lab.up(
        LabSpec(name=fresh_name(), hosts=3, managers=1, engines=tuple(ENGINES.values()), extras=("registry",))
    ) as lab:
        yield lab


@pytest.fixture(scope="module")
def registry(images_lab: Lab) -> Iterator[str]:
    """A registry for one user with three images: for the hosts, for arm64, and a list without the hosts' platform."""
    directory, address = images_lab.directory, str(images_lab.host("registry").address)
    authority = Authority.new()
    reach = forwarded_engine(address, key=directory / "id_ed25519", known_hosts=directory / "known_hosts")
    with reach as engine, running_registry(engine, address, authority, LOGIN) as running:
        trust_registry(images_lab, running.get_registry(), authority.pem.decode())
        _fill(engine, running)
        yield running.get_registry()


def _fill(engine: str, registry: TLSRegistry) -> None:
    place = registry.get_registry()
    client = engine_client.DockerClient(base_url=engine)
    auth = {"username": LOGIN[0], "password": LOGIN[1]}
    digests = {}
    try:
        for name, machine in (("web", "amd64"), ("arm", "arm64")):
            client.images.load(saved(f"{place}/{name}:1", content=name.encode(), architecture=machine))
            pushed = client.images.push(f"{place}/{name}", tag="1", stream=True, decode=True, auth_config=auth)
            digests[name] = next(line["aux"] for line in pushed if "aux" in line)
    finally:
        client.close()
    entry = {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "digest": digests["arm"]["Digest"],
        "size": digests["arm"]["Size"],
        "platform": {"os": "linux", "architecture": "arm64"},
    }
    body = json.dumps({"schemaVersion": 2, "mediaType": LIST, "manifests": [entry]})
    url = f"https://{place}/v2/arm/manifests/list"
    headers = {"Content-Type": LIST}
    put = requests.put(url, data=body, auth=LOGIN, verify=str(registry.ca_file), headers=headers, timeout=30)
    put.raise_for_status()


@pytest.fixture
def operator(images_lab: Lab, tmp_path: Path) -> Operator:
    operator = Operator(tmp_path)
    operator.writes_inventory(images_lab, {"m1": {"role": "manager"}, "w1": {}, "w2": {}})
    return operator


def _step(name: str, **more: object) -> str:
    return f"image: {json.dumps({'name': name, **more})}"


def _login(**password: str) -> dict[str, object]:
    return {"username": LOGIN[0], "password": password or {"env": "REGISTRY_PASSWORD"}}


def _apply(operator: Operator, *steps: str, exits: int = 0, secret: dict[str, str] | None = None) -> str:
    play = operator.writes_playbook(*steps)
    return operator.types("apply", play, "-i", "hosts.yml", "--yes", "-v", exits=exits, secret=secret)


def _on_every_host(lab: Lab, name: str) -> set[str]:
    return {docker(lab, host, "image", "ls", "-q", "--no-trunc", name) for host in ENGINES}


def test_hosts_pull_with_a_login_that_no_one_sees(images_lab: Lab, registry: str, operator: Operator) -> None:
    step = _step(f"{registry}/web:1", login=_login())

    said = _apply(operator, step, secret=SECRET)

    assert "3 changes, and a second plan is empty" in said
    assert "username: robot" in said
    assert "password: ***" in said
    (web,) = _on_every_host(images_lab, f"{registry}/web:1")
    assert web.startswith("sha256:")
    assert LOGIN[1] not in said
    for host in ENGINES:
        kept = images_lab.exec(host, ["grep", "-rlE", LOGIN[1], "/root", "/etc/docker", "/var/log"])
        assert kept.stdout == "", kept.stdout
    assert "nothing changed" in _apply(operator, step)  # hosts that have it need no password


def test_what_a_registry_refuses_is_said_with_what_to_do(registry: str, operator: Operator) -> None:
    without = _apply(operator, _step(f"{registry}/arm:1"), exits=1)
    (operator.directory / "token").write_text("not-the-password\n")
    wrong = _apply(operator, _step(f"{registry}/arm:1", login=_login(file="token")), exits=1)
    missing = _apply(operator, _step(f"{registry}/none:1", login=_login()), exits=1, secret=SECRET)

    for host in ENGINES:
        assert f"{host}: registry {registry} refuses without a login" in without
        assert f"{host}: registry {registry} refuses user robot" in wrong
        assert f"{host}: pull image {registry}/none:1: manifest for {registry}/none:1 not found" in missing
    assert "hint: write 'login:" in without
    assert "not-the-password" not in wrong


def test_an_image_for_other_processors_is_refused_with_both_named(
    images_lab: Lab, registry: str, operator: Operator
) -> None:
    for tag in ("1", "list"):
        name = f"{registry}/arm:{tag}"
        said = _apply(operator, _step(name, login=_login()), exits=1, secret=SECRET)
        for host in ENGINES:
            assert f"image {name} is for linux/arm64, and {host} is linux/amd64" in said
        assert _on_every_host(images_lab, name) == {""}


def test_archives_of_every_form_reach_the_hosts_that_lack_the_image(images_lab: Lab, operator: Operator) -> None:
    archives = {
        "saved": saved("shop/saved:1"),
        "zipped": gzip.compress(saved("docker.io/shop/zipped:1")),
        "nameless": saved(),
        "layout": laid_out("shop/layout:1"),
        "many": laid_out(architectures=("arm64", "amd64"), compressed=True),
    }
    for name, data in archives.items():
        (operator.directory / f"{name}.tar").write_bytes(data)
    steps = [_step(f"shop/{name}:1", archive=f"{name}.tar") for name in archives]

    assert f"{3 * len(archives)} changes, and a second plan is empty" in _apply(operator, *steps)

    for name in archives:
        (one,) = _on_every_host(images_lab, f"shop/{name}:1")
        assert one.startswith("sha256:"), name
    assert docker(images_lab, "w1", "image", "inspect", "-f", "{{.Architecture}}", "shop/many:1") == "amd64"
    docker(images_lab, "w1", "rmi", "shop/saved:1")
    (operator.directory / "layout.tar").write_bytes(laid_out("shop/layout:1", content=b"newer"))
    again = _apply(operator, *steps)
    assert "4 changes, and a second plan is empty" in again
    assert "the host has another image of that name" in again


def test_an_archive_that_does_not_fit_on_the_disk_says_so(images_lab: Lab, operator: Operator) -> None:
    (operator.directory / "big.tar").write_bytes(saved("shop/big:1", content=os.urandom(4 << 20)))
    full = [Fault(host=host, kind="disk") for host in ENGINES]
    for one in full:
        images_lab.break_(one)

    said = _apply(operator, _step("shop/big:1", archive="big.tar"), exits=1)

    for host in ENGINES:
        assert f"failed: image shop/big:1 on {host}: {host}: load an image" in said
    assert said.count("no space left on device") >= len(ENGINES)
    assert "hint: free some room on that host" in said
    for one in full:
        images_lab.heal(one)
