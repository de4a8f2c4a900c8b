"""The shell of a simulated host: runs the programs that the machine has, and knows ``ip -j`` by itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from swarmnet.model.ports import Completed
from tests.simulator.processes import run_look
from tests.simulator.raft import run_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.simulator.machine import Machine
    from tests.simulator.world import World


class SimulatedShell:
    """A ``ShellPort``. Tests add to ``machine.programs`` what the logic under test runs."""

    def __init__(self, world: World, machine: Machine) -> None:
        self._world = world
        self._machine = machine

    @property
    def host(self) -> str:
        return self._machine.name

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 30.0, sudo: bool = False) -> Completed:
        """Run a program; one that the machine does not have ends with 127, as in a real shell."""
        del timeout, sudo
        with self._world.answering(self._machine, "shell", " ".join(argv)):
            programs = {
                "ip": _ip,
                "true": _true,
                "cat": _cat,
                "grep": grep,
                "sh": real_sh,
                "tar": _tar,
                **self._machine.programs,
            }
            if (
                "sh" not in self._machine.programs
                and tuple(argv[:2]) == ("sh", "-c")
                and (done := self._script(argv[2:], stdin))
            ):
                return Completed(tuple(argv), *done)
            program = programs.get(argv[0])
            if program is None:
                return Completed(tuple(argv), 127, b"", f"{argv[0]}: not found\n".encode())
            return Completed(tuple(argv), *program(self._machine, argv, stdin))

    def _script(self, argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes] | None:
        return run_look(self._machine, argv) or run_script(self._world, self._machine, argv, stdin)

    def stream(
        self,
        argv: Sequence[str],
        *,
        stdin: Iterable[bytes] = (),
        sink: Callable[[bytes], object] | None = None,
        timeout: float = 30.0,
        sudo: bool = False,
    ) -> Completed:
        """Run a program, and hand on what it prints."""
        ended = self.run(argv, stdin=b"".join(stdin), timeout=timeout, sudo=sudo)
        if sink is not None:
            sink(ended.stdout)
            return replace(ended, stdout=b"")
        return ended


def _true(_machine: Machine, _argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
    return 0, b"", b""


def _cat(machine: Machine, argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
    """Print files of ``machine.files`` and the kernel's tables, or stdin."""
    files = _files(machine)
    missing = [path for path in argv[1:] if path not in files]
    if missing:
        return 1, b"", f"cat: {missing[0]}: No such file or directory\n".encode()
    return 0, b"".join(files[path] for path in argv[1:]) if argv[1:] else stdin, b""


def grep(machine: Machine, argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
    """Print the lines that match, each behind the name of its file: ``grep -E PATTERN FILE FILE ...``."""
    files, pattern = _files(machine), re.compile(argv[2].encode())
    missing = [path for path in argv[3:] if path not in files]
    lines = (
        path.encode() + b":" + line
        for path in argv[3:]
        for line in files.get(path, b"").splitlines(keepends=True)
        if pattern.search(line.rstrip(b"\n"))
    )
    printed = b"".join(lines)
    said = "".join(f"grep: {path}: No such file or directory\n" for path in missing).encode()
    return 2 if missing else int(not printed), printed, said


def _files(machine: Machine) -> dict[str, bytes]:
    kernel = {"/proc/net/route": _route_table(machine), "/proc/net/fib_trie": _trie(machine)}
    return kernel | _node_key(machine) | machine.files


def _node_key(machine: Machine) -> dict[str, bytes]:
    """Return the key of a node, encrypted where its swarm is autolocked (seen on 20.10, 26.1 and 28.5)."""
    if machine.store is None:
        return {}
    word = b"ENCRYPTED " if machine.store.spec.autolock else b""
    head = b"-----BEGIN %bPRIVATE KEY-----\nkek-version: 8\n" % word
    return {"/var/lib/docker/swarm/certificates/swarm-node.key": head}


def _tar(machine: Machine, argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
    """Print an archive of the folder of a swarm's state: ``tar -C ROOT -cz swarm``."""
    if machine.store is None:
        return 2, b"", f"tar: {argv[-1]}: Cannot stat: No such file or directory\n".encode()
    return 0, f"state of {machine.node_id}".encode(), b""


def real_sh(machine: Machine, argv: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
    """Run a script in a real shell that finds folders of the machine's own instead of ``/run`` and its home."""
    words = [word.replace("/run/swarmnet", str(machine.disk / "run/swarmnet")) for word in argv]
    path = os.environ["PATH"] if machine.own_bin is None else f"{machine.own_bin}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "HOME": str(machine.disk / "home")}
    ended = subprocess.run(words, input=stdin, env=env, capture_output=True, check=False, timeout=10)
    return ended.returncode, ended.stdout, ended.stderr


def _route_table(machine: Machine) -> bytes:
    lines = ["Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT"]
    for route in machine.routes:
        net = IPv4Network(route.prefix)
        prefix, mask = (word.packed[::-1].hex().upper() for word in (net.network_address, net.netmask))
        lines.append(f"{route.device}\t{prefix}\t00000000\t0001\t0\t0\t0\t{mask}\t0\t0\t0")
    return "\n".join([*lines, ""]).encode()


def _trie(machine: Machine) -> bytes:
    leaves = (f"     |-- {own}\n        /32 host LOCAL\n" for own in (machine.address, *machine.more_addresses))
    return ("Local:\n" + "".join(leaves)).encode()


def _ip(machine: Machine, argv: Sequence[str], _stdin: bytes) -> tuple[int, bytes, bytes]:
    """Answer ``ip -j addr`` and ``ip -j route`` in iproute2's JSON."""
    if any(word.startswith("a") for word in argv[1:]):
        addresses = [machine.address, *machine.more_addresses]
        info = [{"family": "inet", "local": address, "prefixlen": 24, "scope": "global"} for address in addresses]
        return 0, json.dumps([{"ifname": "eth0", "addr_info": info}]).encode(), b""
    routes = [{"dst": route.prefix, "dev": route.device, "flags": []} for route in machine.routes]
    return 0, json.dumps(routes).encode(), b""
