"""What the look at ``/proc`` prints on a simulated host: every task's program listens where its ports are published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.verify.scenarios.own.processes import ENGINES, SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.simulator.machine import Machine
    from tests.simulator.store import ServiceRecord

LINE = "   0: 00000000:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 1"


def run_look(machine: Machine, argv: Sequence[str]) -> tuple[int, bytes, bytes] | None:
    """Print what there is of some containers, as a kernel with IPVS does; None for any other script."""
    if argv[0] != SCRIPT:
        return None
    containers, store = argv[3:], machine.store
    tasks = [] if store is None else [task for task in store.tasks.values() if task.container_id in containers]
    lines = ["@ipvs"]
    for task in tasks:
        lines += [f"@process {task.container_id}", "1 (program) S 0"]
        service = store.services.get(task.service_id or "") if store is not None else None
        lines += [
            *_sockets(task.container_id or "", service),
            f"@resolver {task.container_id}",
            f"nameserver {ENGINES}",
        ]
    return 0, "".join(f"{line}\n" for line in lines).encode(), b""


def _sockets(container: str, service: ServiceRecord | None) -> Iterator[str]:
    ports = service.spec.ports or () if service is not None else ()
    for protocol, state in (("tcp", "0A"), ("udp", "07")):
        yield f"@{protocol} {container}"
        yield from (LINE.format(port=one.target, state=state) for one in ports if one.protocol == protocol)
