"""A registry outside the swarm: hosts pull from it by digest, over TLS that a CA of the lab's vouches for."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import docker
import pytest

from swarmnet.lab import Lab, LabSpec
from swarmnet.lab.image import make_image
from tests.support.certificates import Authority
from tests.support.registry import forwarded_engine, running_registry, trust_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.lab
REGISTRY = "registry"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.up(LabSpec(name=f"registry{os.getpid()}", hosts=2, extras=(REGISTRY,))) as lab:
        yield lab


@pytest.fixture(scope="module")
def reference(lab: Lab) -> Iterator[str]:
    """An image in the registry, named by its digest."""
    directory = lab.directory
    address = str(lab.host(REGISTRY).address)
    authority = Authority.new()
    with (
        forwarded_engine(address, key=directory / "id_ed25519", known_hosts=directory / "known_hosts") as engine,
        running_registry(engine, address, authority) as registry,
    ):
        place = registry.get_registry()
        trust_registry(lab, place, authority.pem.decode())
        make_image(lab, f"{place}/page:1")
        for host in ("m1", "w1"):
            lab.exec(host, ["docker", "rmi", f"{place}/page:1"])
        client = docker.DockerClient(base_url=engine)
        try:
            pushed = list(client.images.push(f"{place}/page", tag="1", stream=True, decode=True))
        finally:
            client.close()
        digest = next(line["aux"]["Digest"] for line in pushed if "aux" in line)
        yield f"{place}/page@{digest}"


def test_a_host_pulls_by_digest(lab: Lab, reference: str) -> None:
    pulled = lab.exec("m1", ["docker", "pull", reference])

    assert pulled.exit_code == 0, pulled.stderr


def test_a_host_that_does_not_trust_the_ca_is_refused(lab: Lab, reference: str) -> None:
    place = reference.partition("/")[0]
    lab.exec("w1", ["rm", "-r", f"/etc/docker/certs.d/{place}"])

    refused = lab.exec("w1", ["docker", "pull", reference])

    assert refused.exit_code != 0
    assert "certificate" in refused.stderr


def test_services_run_the_image_that_the_digest_names(lab: Lab, reference: str) -> None:
    lab.exec("m1", ["docker", "swarm", "init", "--advertise-addr", str(lab.host("m1").address)])

    created = lab.exec("m1", ["docker", "service", "create", "--name", "page", "--quiet", reference], limit=180)

    assert created.exit_code == 0, created.stderr
    tasks = lab.exec("m1", ["docker", "service", "ps", "page", "--no-trunc", "--format", "{{json .}}"])
    (task,) = (json.loads(line) for line in tasks.stdout.splitlines())
    assert task["CurrentState"].startswith("Running")
    assert task["Image"] == reference
