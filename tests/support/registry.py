"""A real registry on an engine outside the swarm, started by testcontainers, with TLS from a CA of the lab's."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import bcrypt
import docker
import requests
from testcontainers.community.registry import DockerRegistryContainer

from tests.support.waiting import LIMIT, await_from, soon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.lab import Lab
    from tests.support.certificates import Authority, ServerCertificate

PORT = 5000
_PROGRAM = "/usr/bin/docker-registry"
_CONFIG = b"""\
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000", tls: {certificate: /tls/server.crt, key: /tls/server.key}}
"""
_AUTH = b"auth: {htpasswd: {realm: lab, path: /users}}\n"


class TLSRegistry(DockerRegistryContainer):
    """The registry container, ready when it answers over TLS that the CA vouches for."""

    def __init__(self, image: str, *, engine: str, address: str, ca_file: Path) -> None:
        super().__init__(image, docker_client_kw={"environment": {"DOCKER_HOST": engine}})
        self.with_bind_ports(PORT, PORT)
        self.address = address
        self.ca_file = ca_file

    def get_registry(self) -> str:
        """Return ``address:port`` as the hosts of the lab reach it."""
        return f"{self.address}:{PORT}"

    def _readiness_probe(self) -> None:
        def answers() -> bool:
            try:
                url = f"https://{self.get_registry()}/v2/"
                answer = requests.get(url, verify=str(self.ca_file), timeout=2)
            except (requests.ConnectionError, requests.Timeout):
                return False
            return answer.ok or answer.status_code == requests.codes.unauthorized

        assert soon(answers), "the registry does not answer"


def registry_image(certificate: ServerCertificate, login: tuple[str, str] | None) -> bytes:
    """Return a root file system as a tar: Debian's registry, its loader and C library, configuration, certificate."""
    libraries = [
        word
        for word in subprocess.run(
            ["/usr/bin/ldd", _PROGRAM], check=True, capture_output=True, text=True
        ).stdout.split()
        if word.startswith("/")
    ]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", dereference=True) as tar:
        for path in [_PROGRAM, *libraries]:
            tar.add(path, arcname=path.lstrip("/"))
        user, password = login or ("", "")
        for name, content in {
            "config.yml": _CONFIG + (_AUTH if login else b""),
            "users": f"{user}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(5)).decode()}\n".encode(),
            "tls/server.crt": certificate.certificate,
            "tls/server.key": certificate.key,
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@contextmanager
def forwarded_engine(address: str, *, key: Path, known_hosts: Path) -> Iterator[str]:
    """Forward the engine socket of a host over SSH; yields the ``DOCKER_HOST`` for it."""
    with tempfile.TemporaryDirectory() as directory:
        socket = Path(directory) / "docker.sock"
        options = ["-o", f"UserKnownHostsFile={known_hosts}", "-o", "ExitOnForwardFailure=yes", "-o", "BatchMode=yes"]
        argv = ["ssh", "-nNT", "-i", str(key), *options, "-L", f"{socket}:/var/run/docker.sock", f"root@{address}"]
        process = subprocess.Popen(argv)
        try:
            await_from(process, socket.exists)
            yield f"unix://{socket}"
        finally:
            process.terminate()
            process.wait(timeout=LIMIT)


@contextmanager
def running_registry(
    engine: str, address: str, authority: Authority, login: tuple[str, str] | None = None
) -> Iterator[TLSRegistry]:
    """Run the registry on the engine at ``engine``, for all or for one user; it is gone afterwards."""
    # Its reaper image cannot be pulled where there is no public registry; the context manager cleans up.
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    client = docker.DockerClient(base_url=engine)
    client.api.import_image_from_data(
        registry_image(authority.issue(address), login),
        repository="registry",
        tag="2",
        changes=[f'ENTRYPOINT ["{_PROGRAM}"]', 'CMD ["serve", "/config.yml"]'],
    )
    client.close()
    with tempfile.NamedTemporaryFile(suffix=".pem") as ca_file:
        ca_file.write(authority.pem)
        ca_file.flush()
        with TLSRegistry("registry:2", engine=engine, address=address, ca_file=Path(ca_file.name)) as registry:
            yield registry


def trust_registry(lab: Lab, place: str, ca_pem: str) -> None:
    """Make every host's engine trust the registry at ``place`` (``host:port``) by its CA certificate.

    The engine reads the certificate at each pull; it need not be restarted.
    """
    for host in lab.hosts:
        lab.put_file(host.name, f"/etc/docker/certs.d/{place}/ca.crt", ca_pem)
