"""A service with much in its container and much around it, and steps that say the same in other words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.service import (
    BindOptions,
    Dns,
    Healthcheck,
    Limits,
    Logging,
    Mount,
    MountType,
    Platform,
    Reservations,
    TmpfsOptions,
    Ulimit,
    VolumeOptions,
)
from tests.operations.service.test_service import HOSTS, holding, step, web
from tests.support.plans import plan

if TYPE_CHECKING:
    from swarmnet.model.service import ServiceSpec

FULL = web(
    mounts=(
        Mount(target="/v", source="data", volume=VolumeOptions(labels={"a": "b"}, driver="nfs", options={"o": "x"})),
        Mount(target="/e", type=MountType.BIND, source="/etc", read_only=True, bind=BindOptions(propagation="rslave")),
        Mount(target="/t", type=MountType.TMPFS, tmpfs=TmpfsOptions(size=2**20, mode=0o700)),
    ),
    healthcheck=Healthcheck(test=("CMD-SHELL", "true"), interval=7.0, retries=4),
    dns=Dns(servers=("10.9.9.9",), options=("ndots:1",)),
    hosts={"one": "10.1.1.1", "two": "::1"},
    cap_add=("CAP_NET_ADMIN", "CAP_KILL"),
    ulimits={"nofile": Ulimit(soft=1, hard=2), "nproc": Ulimit(soft=5, hard=5)},
    groups=("7", "8"),
    tty=True,
    spread=("node.labels.zone", "node.labels.rack"),
    platforms=(Platform(os="linux", architecture="amd64"), Platform(os="linux", architecture="arm64")),
    limits=Limits(cpus=0.5, memory=64 * 2**20, pids=90),
    reservations=Reservations(memory=8 * 2**20, generic={"gpu": 1, "fpga": 2}),
    logging=Logging(driver="json-file", options={"max-size": "1m", "max-file": "3"}),
)
WRITTEN = {
    "mounts": "['tmpfs:/t:1M', 'data:/v', '/etc:/e:ro,rslave']",
    "healthcheck": "{test: 'true', interval: 7s}",
    "dns": "{servers: [10.9.9.9]}",
    "hosts": "['two:::1', 'one=10.1.1.1']",
    "cap_add": "[kill, cap_net_admin]",
    "ulimits": "{nproc: 5, nofile: {soft: 1, hard: 2}}",
    "groups": "[8, 7]",
    "tty": "true",
    "spread": "[node.labels.zone, node.labels.rack]",
    "platforms": "[linux/arm64, linux/amd64]",
    "limits": "{cpus: 0.5, memory: 64M, pids: 90}",
    "reservations": "{memory: 8M, generic: {fpga: 2, gpu: 1}}",
    "logging": "{driver: json-file, options: {max-file: 3, max-size: 1m}}",
}


def after(**fields: str) -> ServiceSpec:
    """Return the service that a step makes of the one with everything."""
    (action,) = plan(step(**fields), holding(FULL), HOSTS).actions
    return action.predict(holding(FULL)).services[0].spec
