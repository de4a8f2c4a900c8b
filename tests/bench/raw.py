"""The lower bound: the same Engine API calls over paramiko, nothing planned, nothing checked, nothing shown.

Run as ``python -m tests.bench.raw apply|observe|connect INVENTORY OVERLAYS`` in a process of its own, like its rivals.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import paramiko
import yaml

from swarmnet.edge.ssh.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SOCKET = "/var/run/docker.sock"
PARALLEL = 6
"""Channels to one host; sshd's MaxSessions is 10."""


class _Connection(http.client.HTTPConnection):
    """HTTP over one stream-local channel."""

    def __init__(self, transport: Transport) -> None:
        super().__init__("engine")
        self.transport = transport

    def connect(self) -> None:
        # A channel has the few methods that http.client uses.
        self.sock = self.transport.open_unix_socket(SOCKET, timeout=10)


class Host:
    """One host: a login, and a few keep-alive channels to its engine."""

    def __init__(self, address: str, settings: dict[str, Any]) -> None:
        self.address = address
        self.settings = settings
        self.idle: list[_Connection] = []

    def open(self) -> Self:
        key = paramiko.Ed25519Key.from_private_key_file(self.settings["key"])
        self.transport = Transport((self.address, self.settings.get("port", 22)))
        self.transport.connect(username=self.settings["user"], pkey=key)
        return self

    def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON of any shape
        connection = self.idle.pop() if self.idle else _Connection(self.transport)
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        self.idle.append(connection)
        if answer.status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"{self.address}: {method} {path}: {answer.status} {content!r}")
        return json.loads(content) if content else None


def _side_by_side(jobs: Iterable[Callable[[], object]], width: int) -> None:
    with ThreadPoolExecutor(width) as pool:
        for future in [pool.submit(job) for job in jobs]:
            future.result()


def apply(hosts: list[Host], overlays: int) -> None:
    """Make the swarm, the overlays and two services, as fast as the API allows."""
    first, *others = hosts
    first.call(
        "POST",
        "/swarm/init",
        {
            "ListenAddr": "0.0.0.0:2377",
            "AdvertiseAddr": first.address,
            "DefaultAddrPool": ["10.128.0.0/12"],
            "SubnetSize": 24,
        },
    )
    tokens = first.call("GET", "/swarm")["JoinTokens"]

    def join(host: Host, role: str) -> None:
        host.call(
            "POST",
            "/swarm/join",
            {
                "ListenAddr": "0.0.0.0:2377",
                "AdvertiseAddr": host.address,
                "RemoteAddrs": [first.address],
                "JoinToken": tokens[role],
            },
        )

    for manager in others[:2]:
        join(manager, "Manager")
    _side_by_side([lambda host=host: join(host, "Worker") for host in others[2:]], 20)  # type: ignore[misc]
    _side_by_side(
        [
            lambda n=n: first.call(  # type: ignore[misc]
                "POST", "/networks/create", {"Name": f"net{n:02}", "Driver": "overlay", "Attachable": True}
            )
            for n in range(overlays)
        ],
        PARALLEL,
    )
    while any(net["Scope"] == "swarm" and not net["Driver"] for net in first.call("GET", "/networks")):
        time.sleep(0.05)
    for name, mode in (("web", {"Replicated": {"Replicas": 2}}), ("agent", {"Global": {}})):
        first.call(
            "POST",
            "/services/create",
            {
                "Name": name,
                "Mode": mode,
                "TaskTemplate": {
                    "ContainerSpec": {"Image": "bench:1", "Command": ["sleep", "1000000"]},
                    "Networks": [{"Target": "net00"}],
                },
                "EndpointSpec": {"Mode": "dnsrr"},
            },
        )
    wanted = 2 + len(hosts)
    while sum(task["Status"]["State"] == "running" for task in first.call("GET", "/tasks")) < wanted:
        time.sleep(0.05)


def observe(hosts: list[Host], _overlays: int) -> None:
    """Read what an unchanged apply has to know."""
    _side_by_side([lambda host=host: (host.call("GET", "/info"), host.call("GET", "/networks")) for host in hosts], 20)  # type: ignore[misc]
    for path in ("/swarm", "/nodes", "/services", "/tasks", "/configs", "/secrets"):
        hosts[0].call("GET", path)


def connect(_hosts: list[Host], _overlays: int) -> None:
    """Do nothing more: the logins are what is timed."""


def main() -> None:
    """Log in everywhere, do one work, leave."""
    work, inventory, overlays = sys.argv[1:4]
    document = yaml.safe_load(Path(inventory).read_text())
    hosts = [Host(host["address"], document["ssh"]) for host in document["hosts"].values()]
    _side_by_side([host.open for host in hosts], 20)
    {"apply": apply, "observe": observe, "connect": connect}[work](hosts, int(overlays))
    for host in hosts:
        host.transport.close()


if __name__ == "__main__":
    main()
