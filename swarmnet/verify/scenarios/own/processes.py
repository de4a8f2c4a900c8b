"""What a host's own kernel shows of the programs in containers: which are stopped, where they listen, whom they ask.

One look at ``/proc`` covers all containers of a host: none is entered, no image needs a tool, and the file
``/etc/resolv.conf`` is read as the program sees it, with whatever is mounted over it. The processes of a container are
found by its id in the name of their control group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from swarmnet.model.expectation import Door
from swarmnet.model.halted import PAUSED, cure_of
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import Key, as_ended
from swarmnet.verify.own import dns_servers, is_loopback
from swarmnet.verify.scenario import HostCommand
from swarmnet.verify.scenarios.expected.asked import EVERYWHERE, Listening

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.base import JsonObject
    from swarmnet.model.service import PublishedPort, Service
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers

ENGINES = "127.0.0.11"
"""The engine's own resolver, on networks of the user's."""
NAMESERVER_FIX = (
    "let the engine write its resolv.conf, and name other servers by the service's 'dns': it asks them for the rest"
)
SCRIPT = r"""
sleep "$1"; shift
cd /proc || exit 1
[ -e net/ip_vs ] && echo '@ipvs'
echo '@uptime'
cat uptime
known=
grep -soE '[0-9a-f]{64}' [0-9]*/cgroup | sort -n | uniq | while IFS=: read -r file id; do
    case " $* " in *" $id "*) ;; *) continue ;; esac
    pid=${file%/cgroup}
    IFS= read -r line 2>/dev/null < "$pid/stat" || continue
    printf '%s\n' "@process $id" "$line"
    case "$known" in *"$id"*) continue ;; esac
    known="$known $id"
    echo "@tcp $id"
    grep -hs ' 0A ' "$pid/net/tcp" "$pid/net/tcp6"
    echo "@udp $id"
    grep -hs ' 07 ' "$pid/net/udp" "$pid/net/udp6"
    [ -f "$pid/root/etc/resolv.conf" ] && [ -r "$pid/root/etc/resolv.conf" ] || continue
    echo "@resolver $id"
    head -c 4096 "$pid/root/etc/resolv.conf" | grep '^[[:space:]]*nameserver[[:space:]]'
done
exit 0
"""
"""Prints a heading for each part, then the kernel's own lines; waits first for the seconds of its first argument."""
LISTENS, WAITS = "0A", "07"
"""States of sockets that wait for clients: ``TCP_LISTEN``, and ``TCP_CLOSE`` of a UDP socket without a peer."""
STATES = {"tcp": LISTENS, "udp": WAITS}
STOPPED = "T"
"""The state of a process that a signal stopped."""
COLUMNS = 5
"""Number, local and remote address, state, and the lengths of both queues."""
UPTIME = re.compile(r"\d{1,12}\.\d+ \d{1,15}\.\d+")
STARTED = 19
"""Where ``/proc/PID/stat`` has the time of the start, counted from the state on (field 22 of proc(5))."""
TICKS = 100
"""Clock ticks in a second of uptime, as programs see them (``USER_HZ``, 100 on all machines of engines)."""


@dataclass(slots=True)
class Program:
    """What is known of the processes of one container."""

    started: float | None = None
    """When the oldest of its processes started, in seconds since the host did."""
    stopped: list[tuple[int, str]] = field(default_factory=list)
    """Number and name of each that a signal stopped."""
    sockets: set[tuple[str, str, int]] = field(default_factory=set)
    """Protocol, address and port of each that waits for clients."""
    waiting: dict[int, int] = field(default_factory=dict)
    """TCP port to the connections that the kernel accepted and the program did not take yet."""
    nameservers: tuple[str, ...] | None = None
    """Of its ``/etc/resolv.conf``, in its order; None where that could not be read."""

    @property
    def listening(self) -> Listening:
        """The sockets, as probes inside of containers show them."""
        return Listening(frozenset(self.sockets), has_ipvs=False)

    @property
    def asks_engine_first(self) -> bool:
        """Whether the engine's resolver gets its questions first, as far as that is known."""
        return self.nameservers is None or self.nameservers[:1] == (ENGINES,)


@dataclass(frozen=True, slots=True)
class Programs:
    """What one look at a host showed."""

    has_ipvs: bool
    by_container: Mapping[str, Program]
    uptime: float | None = None
    """Seconds since the host started."""

    def age(self, container: str) -> float | None:
        """Return for how many seconds a container has run; None where that was not seen."""
        program = self.by_container.get(container)
        if self.uptime is None or program is None or program.started is None:
            return None
        return self.uptime - program.started


def ask_programs(host: str, key: Key[Programs], containers: Iterable[str], *, after: int = 0) -> HostCommand:
    """Return the question for the programs of some containers of a host, and for its IPVS; it is asked as root."""
    argv = ("sh", "-c", SCRIPT, "programs", str(after), *sorted(one for one in containers if one))
    return HostCommand(host, key.name, argv, sudo=True)


def program_of(answers: Answers, key: Key[Programs], end: End) -> Program | None:
    """Return what is known of the program of a container; None where that is nothing."""
    found = key.read(answers, end.host)
    return found.by_container.get(end.container) if found is not None else None


NAMES_PORT = 53


def asks_itself(service: Service | None, program: Program) -> tuple[str, ...]:
    """Return a service's nameservers where all are the container itself, and no program there waits for questions.

    Engines ask the servers of ``--dns`` from inside the container, whose loopback device is its own (20.10 to 28.5). A
    container may run a nameserver of its own there.
    """
    servers = dns_servers(service)
    if not servers or not all(map(is_loopback, servers)):
        return ()
    return () if any(part == "udp" and door == NAMES_PORT for part, _, door in program.sockets) else servers


def without_servers(service: str, servers: Iterable[str]) -> str:
    """Return the command after which a service's tasks ask the nameservers of their hosts."""
    return f"docker service update {' '.join(f'--dns-rm {one}' for one in servers)} {service}"


def asks_itself_in_words(end: End, servers: tuple[str, ...]) -> tuple[str, str]:
    """Return what is wrong with such nameservers, and what to do."""
    words = (
        f"for names outside of the swarm, {end} has the nameserver {', '.join(servers)} alone (dns of the service),"
        " which is the container itself, and nothing in it listens at port 53: it finds none of them"
    )
    fix = f"run {without_servers(end.party, servers)} to ask those of its hosts, or add one that it reaches (--dns-add)"
    return words, fix


def asks_others(end: str, program: Program) -> str:
    """Return in words whom a container asks for names instead of the engine; the engine knows the swarm's alone."""
    servers = ", ".join(program.nameservers or ()) or "no nameserver"
    how = f"{servers}, in this order" if ENGINES in (program.nameservers or ()) else servers
    return f"{end} asks {how} (its /etc/resolv.conf); only {ENGINES}, the engine's, knows the names of the swarm"


def halt_of(end: End) -> tuple[CauseId, str, str]:
    """Return what keeps a container from running of which its engine says so, in words, and what to do."""
    cause = CauseId.TASK_PAUSED if end.halted == PAUSED else CauseId.TASK_HALTED
    words = f"{end} is {end.halted}, though managers call it running"
    words += ": its kernel goes on to accept connections" if end.halted == PAUSED else ""
    return cause, words, cure_of(end.halted, end.host, end.container)


def stopped(end: End, program: Program) -> tuple[str, str]:
    """Return which programs of a container a signal stopped, and what lets them go on."""
    numbers = [str(number) for number, _ in program.stopped]
    names = ", ".join(dict.fromkeys(name for _, name in program.stopped))
    words = (
        f"a signal stopped {names} in {end} (process {', '.join(numbers)}): its kernel goes on to accept connections"
    )
    return words, f"on {end.host}: kill -CONT {' '.join(numbers)}"


def not_listening(end: End, known: Listening, port: PublishedPort) -> tuple[str, str]:
    """Return what a published port leads to in a container where nothing listens for others, and what to do."""
    door = Door(port=port.target, protocol=port.protocol)
    where, others = known.on(door), ", ".join(map(str, known.doors()))
    alone = f" for others, only on {', '.join(sorted(where))}" if where else ""
    else_at = "" if where else f"; its programs listen on {others}" if others else "; none listens on any TCP port"
    words = f"published port {port.published or '?'} leads to port {door} of {end}, and no program listens there{alone}"
    fix = (
        "let it listen on all addresses (0.0.0.0)"
        if where
        else "correct the port's target, or the program's port; if it starts slowly, try again later"
    )
    return words + else_at, fix


def _programs(value: JsonObject) -> Programs | None:
    done = as_ended(value)
    if not done.succeeded:
        return None
    found: dict[str, Program] = {}
    has_ipvs, uptime, part, program = False, None, "", Program()
    for line in done.stdout.splitlines():
        if line.startswith("@"):
            part, _, container = line[1:].partition(" ")
            has_ipvs |= part == "ipvs"
            if container:
                program = found.setdefault(container, Program())
                program.nameservers = () if part == "resolver" else program.nameservers
        elif part == "uptime":
            uptime = float(line.split()[0]) if UPTIME.fullmatch(line) else None
        else:
            _take(program, part, line)
    return Programs(has_ipvs, found, uptime)


def _take(program: Program, part: str, line: str) -> None:
    """Add one line of the kernel's to what is known of a container."""
    words = line.split()
    if part == "process":
        _take_process(program, line)
    elif part == "resolver" and len(words) > 1:
        program.nameservers = (*(program.nameservers or ()), words[1])
    elif part in STATES and len(words) >= COLUMNS and words[3] == STATES[part]:
        digits, _, port = words[1].rpartition(":")
        address, door = _address(digits), int(port, 16)
        if address != ENGINES:
            program.sockets.add((part, address, door))
            if part == "tcp":
                program.waiting[door] = program.waiting.get(door, 0) + int(words[4].rpartition(":")[2], 16)


def _take_process(program: Program, line: str) -> None:
    """Add a process: its number, its name in brackets, its state and the rest of ``/proc/PID/stat``."""
    number, _, rest = line.partition(" (")
    name, _, state = rest.rpartition(") ")
    if state.startswith(STOPPED) and number.isdecimal():
        program.stopped.append((int(number), name))
    if (started := state.split()[STARTED : STARTED + 1]) and started[0].isdecimal():
        since = int(started[0]) / TICKS
        program.started = since if program.started is None else min(program.started, since)


def _address(digits: str) -> str:
    """Return an address of the kernel's table, which has words of 32 bits in the order of little-endian machines."""
    raw = b"".join(bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8))
    if not any(raw):
        return EVERYWHERE
    if len(raw) == 4:  # noqa: PLR2004 - bytes of an IPv4 address
        return str(IPv4Address(raw))
    whole = IPv6Address(raw)
    return str(whole.ipv4_mapped or whole)


PROGRAMS: Key[Programs] = Key("programs", _programs)
"""The first look at the programs of a host; ``again`` is one some seconds later."""
