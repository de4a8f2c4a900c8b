"""A container outside of services with every field filled."""

from __future__ import annotations

from swarmnet.model.container_parts import Ulimit
from swarmnet.model.plain_codecs import HostPort
from swarmnet.model.plain_container import PlainContainer, PlainLimits, PlainLogging
from tests.report.service_sample import SERVICE

CONTAINER = PlainContainer(
    name="legacy",
    image="legacy:1",
    command=("run",),
    args=("x",),
    env={"A": "B"},
    labels={"a": "b"},
    mounts=SERVICE.mounts,
    ports=(HostPort(target=80, published=8080, address="127.0.0.1"),),
    restart="on-failure:3",
    limits=PlainLimits(cpus=0.5, memory=64 << 20, swap=128 << 20, reservation=32 << 20, pids=50, cpu_shares=512),
    healthcheck=SERVICE.healthcheck,
    dns=("192.0.2.1",),
    dns_search=("example",),
    dns_options=("ndots:1",),
    hosts={"db": "192.0.2.9"},
    hostname="inside",
    user="app",
    workdir="/srv",
    stop_signal="SIGQUIT",
    stop_grace_period=3.0,
    init=True,
    read_only=True,
    privileged=True,
    cap_add=("CAP_NET_ADMIN",),
    cap_drop=("CAP_MKNOD",),
    security=("no-new-privileges",),
    sysctls={"net.core.somaxconn": "9"},
    ulimits={"nofile": Ulimit(soft=99, hard=199)},
    groups=("7",),
    logging=PlainLogging(driver="syslog", options={"tag": "x"}),
    tty=True,
    stdin=True,
    extra={"HostConfig": {"PidMode": "host"}},
)
