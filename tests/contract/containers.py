"""What holds for containers outside of services, on a simulated engine and on a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ConflictError, EngineError, NotFoundError
from swarmnet.model.compare import container_changes
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.plain_container import PlainContainer
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.state import Endpoint

if TYPE_CHECKING:
    from swarmnet.model.state import Container
    from tests.contract.suite import Cluster

IMAGE = "swarmnet-test:1"
OWN = Endpoint(network="bridge")


def named(cluster: Cluster, name: str) -> Container:
    """Return a container of the worker."""
    return next(one for one in cluster.worker.containers() if one.name == name)


class ContainerContract:
    """Containers of one host."""

    def test_a_container_is_put_on_networks_with_addresses_and_names_and_taken_off(self, cluster: Cluster) -> None:
        worker = cluster.worker
        cluster.make_network("joined", subnets=({"subnet": "10.207.0.0/24"},))
        bridge = worker.networks.create(
            NetworkSpec(name="joined-here", driver="bridge", subnets=(Subnet(subnet="10.208.0.0/24"),))
        )
        box = worker.start_container(ContainerSpec("joining", IMAGE, ("sleep", "600"), {}, (OWN,)))
        other = worker.start_container(ContainerSpec("other", IMAGE, ("sleep", "600"), {}, (OWN,)))
        here = EndpointSpec(network="joined-here", ipv4="10.208.0.9", aliases=("db", "pg"))
        there = EndpointSpec(network="joined", ipv4="10.207.0.9", aliases=("db",))
        for spec in (here, there):
            worker.connect_container(box, spec)
        seen = {one.network: one for one in named(cluster, "joining").endpoints if one.network != "bridge"}
        assert {name: (one.ipv4, one.address, sorted(one.aliases)) for name, one in seen.items()} == {
            "joined-here": ("10.208.0.9", "10.208.0.9", ["db", "pg"]),
            "joined": ("10.207.0.9", "10.207.0.9", ["db"]),
        }
        assert all(len(one.hardware.split(":")) == 6 for one in seen.values())
        for taken in (here, here.model_copy(update={"ipv4": "10.99.0.1"})):
            with pytest.raises(EngineError):
                worker.connect_container(other, taken)
        with pytest.raises(EngineError):
            worker.connect_container(box, here)
        for network in ("joined", "joined-here"):
            worker.disconnect_container(box, network)
        assert named(cluster, "joining").endpoints[0].network == "bridge"
        with pytest.raises(EngineError):
            worker.disconnect_container(box, "joined")
        with pytest.raises(NotFoundError):
            worker.connect_container("0" * 64, here)
        for one in (box, other):
            worker.remove_container(one)
        worker.networks.remove(bridge)

    def test_only_a_container_on_an_overlay_shows_between_which_addresses_overlays_go(self, cluster: Cluster) -> None:
        worker = cluster.worker
        cluster.make_network("shown")
        endpoint = Endpoint(network="shown")
        box = worker.start_container(ContainerSpec("shown", IMAGE, ("sleep", "600"), {}, (endpoint,)))
        assert worker.data_path(worker.networks.list()) == worker.facts().membership.address
        worker.remove_container(box)

    def test_a_container_is_made_as_written_and_read_back_the_same(self, cluster: Cluster) -> None:
        worker, made = cluster.worker, PlainContainer.model_validate(WHOLE)
        with pytest.raises(NotFoundError):
            worker.plain.create("whole", made.model_copy(update={"image": "swarmnet-missing:1"}), ())
        box = worker.plain.create("whole", made, (OWN.spec,))
        with pytest.raises(ConflictError):
            worker.plain.create("whole", made, ())
        seen = worker.plain.made("whole")
        assert seen is not None
        assert container_changes(seen.asked(made), seen.whole) == ()
        assert {name for name in PlainContainer.model_fields if getattr(seen.spec, name) != getattr(made, name)} <= {
            "mounts",  # engines write out some options
            "cap_add",
            "limits",
            "extra",
        }
        assert not named(cluster, "whole").running
        worker.plain.start(box)
        worker.plain.start(box)
        assert named(cluster, "whole").running
        worker.plain.rename(box, "renamed")
        worker.plain.stop("renamed", 0.0)
        worker.plain.stop("renamed", 0.0)
        assert not named(cluster, "renamed").running
        worker.plain.remove(box)
        worker.plain.remove(box)
        assert worker.plain.made("renamed") is None
        worker.volumes.remove("whole-data")

    def test_limits_and_restart_change_in_place_and_no_limit_is_taken_away(self, cluster: Cluster) -> None:
        worker, bare = cluster.worker, PlainContainer(name="limited", image=IMAGE, command=("sleep", "600"))
        box = worker.plain.create("limited", bare, (OWN.spec,))
        worker.plain.start(box)

        def update(restart: str | None = None, **limits: object) -> tuple[str, dict[str, object]]:
            spec = PlainContainer.model_validate({"name": "limited", "image": IMAGE, "limits": limits or None})
            worker.plain.update(box, spec.model_copy(update={"restart": restart}))
            seen = worker.plain.made(box)
            assert seen is not None
            found = {} if seen.whole.limits is None else seen.whole.limits.model_dump()
            return seen.whole.restart or "no", {name: found.get(name) for name in limits}

        megabyte = 1 << 20
        assert update(memory=64 * megabyte, swap=128 * megabyte, pids=50) == (
            "no",
            {"memory": 64 * megabyte, "swap": 128 * megabyte, "pids": 50},
        )
        assert update("on-failure:3") == ("on-failure:3", {})
        assert update(cpus=0.5)[1] == {"cpus": 0.5}
        with pytest.raises(EngineError):
            update(memory=256 * megabyte)
        assert update(memory=256 * megabyte, swap=512 * megabyte)[1]["memory"] == 256 * megabyte
        assert update(cpus=0.0, memory=0)[1] == {"cpus": 0.5, "memory": 256 * megabyte}
        worker.plain.remove(box)

    def test_the_first_start_on_several_networks_of_the_swarm_succeeds(self, cluster: Cluster) -> None:
        """Engines from 25 on refuse it where the mode names one of them, unless they happen to join that one first."""
        plain, made = cluster.worker.plain, PlainContainer(name="several", image=IMAGE, command=("sleep", "600"))
        names = ("several-1", "several-2", "several-3")
        for name in names:
            cluster.make_network(name)
        box = plain.create("several", made, tuple(EndpointSpec(network=name) for name in names))
        plain.start(box)
        assert {one.network for one in named(cluster, "several").endpoints if one.address} == {*names}
        plain.remove(box)

    def test_a_container_shares_the_network_of_one_that_runs(self, cluster: Cluster) -> None:
        """What is asked from inside a task is asked by such a container; it is on no network of its own."""
        worker = cluster.worker
        box = worker.start_container(ContainerSpec("owner", IMAGE, ("sleep", "600"), {}, (OWN,)))
        shared = ContainerSpec("sharing", IMAGE, ("sleep", "600"), {}, network_of=box)
        guest = worker.start_container(shared)
        assert (named(cluster, "sharing").running, named(cluster, "sharing").endpoints) == (True, ())
        worker.remove_container(guest)
        worker.plain.stop("owner", 0.0)
        with pytest.raises(EngineError):
            worker.start_container(shared)
        worker.remove_container(box)
        with pytest.raises(EngineError):
            worker.start_container(shared)

    def test_a_container_that_cannot_start_says_so(self, cluster: Cluster) -> None:
        plain = cluster.worker.plain
        broken = PlainContainer(name="broken", image=IMAGE, command=("/no/such",))
        box = plain.create("broken", broken, (OWN.spec,))
        with pytest.raises(EngineError):
            plain.start(box)
        assert not named(cluster, "broken").running
        plain.remove(box)


WHOLE = {
    "name": "whole",
    "image": IMAGE,
    "command": ("sleep",),
    "args": ("600",),
    "env": {"A": "1"},
    "labels": {"l": "v"},
    "mounts": (
        {"target": "/data", "source": "whole-data"},
        {"target": "/x", "type": "bind", "source": "/etc", "read_only": True},
        {"target": "/y", "type": "tmpfs", "tmpfs": {"size": 9 << 20}},
    ),
    "ports": ({"target": 80, "published": 8097, "address": "127.0.0.1"},),
    "restart": "unless-stopped",
    "limits": {"memory": 64 << 20, "cpus": 0.5, "pids": 50},
    "healthcheck": {"test": ("CMD", "true"), "interval": 5.0, "retries": 2},
    "dns": ("192.0.2.1",),
    "dns_search": ("example",),
    "hosts": {"db": "192.0.2.9"},
    "hostname": "inside",
    "user": "0",
    "workdir": "/etc",
    "stop_signal": "SIGKILL",
    "stop_grace_period": 3.0,
    "init": False,
    "read_only": True,
    "privileged": False,
    "cap_add": ("CAP_NET_ADMIN",),
    "cap_drop": ("CAP_MKNOD",),
    "security": ("no-new-privileges",),
    "sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
    "ulimits": {"nofile": {"soft": 99, "hard": 99}},
    "groups": ("7",),
    "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
    "tty": True,
    "stdin": True,
}
"""A container with every field."""
