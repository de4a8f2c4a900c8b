"""What each host is asked for a bundle: commands that only read, each with the file that its output becomes.

No command prints a key or the environment of a program: ``ip xfrm state`` runs with ``nokeys``, processes other than
the engine's are not listed with their arguments, and logs are those of the engine alone, never of containers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LARGEST = 1024 * 1024
"""Bytes of one file."""
LARGEST_LOG = 4 * LARGEST
WAIT = 15.0
"""Seconds for one command."""
LOG_WAIT = 40.0
LOG_LINES = 20_000


class Form(StrEnum):
    """How what a command prints is read, to hide what must be hidden."""

    TABLE = "table"
    """Text of the kernel or of a tool."""
    LOG = "log"
    """Lines of programs, which may print variables."""
    JSON = "json"
    """One JSON value, or one a line."""
    SETTINGS = "settings"
    """The engine's configuration: only values of names that are known to hold no secret are shown."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One command."""

    file: str
    """Below the host's folder."""
    argv: tuple[str, ...]
    form: Form = Form.TABLE
    sudo: bool = True
    largest: int = LARGEST
    wait: float = WAIT
    optional: bool = False
    """True where hosts may lack the program or file: its absence is not worth a line for people."""
    begin: float | None = None
    """Lines that were written before are left out (seconds since the epoch); None where the command does that."""


SETTINGS = frozenset(
    {
        "bip",
        "bridge",
        "cgroup-parent",
        "containerd",
        "containerd-namespace",
        "data-root",
        "default-address-pools",
        "default-cgroupns-mode",
        "default-gateway",
        "default-ipc-mode",
        "default-runtime",
        "default-shm-size",
        "default-ulimits",
        "dns",
        "dns-opts",
        "dns-search",
        "debug",
        "exec-opts",
        "exec-root",
        "experimental",
        "features",
        "fixed-cidr",
        "fixed-cidr-v6",
        "firewall-backend",
        "group",
        "hosts",
        "icc",
        "init",
        "insecure-registries",
        "ip",
        "ip-forward",
        "ip-masq",
        "iptables",
        "ip6tables",
        "ipv6",
        "live-restore",
        "log-driver",
        "log-format",
        "log-level",
        "max-concurrent-downloads",
        "max-concurrent-uploads",
        "max-download-attempts",
        "metrics-addr",
        "mtu",
        "network-control-plane-mtu",
        "node-generic-resources",
        "no-new-privileges",
        "oom-score-adjust",
        "pidfile",
        "raw-logs",
        "registry-mirrors",
        "runtimes",
        "seccomp-profile",
        "selinux-enabled",
        "shutdown-timeout",
        "storage-driver",
        "storage-opts",
        "swarm-default-advertise-addr",
        "tls",
        "tlsverify",
        "userland-proxy",
        "userns-remap",
        "max-size",
        "max-file",
        "mode",
        "compress",
    }
)
"""Names in daemon.json whose values are shown; URLs among them lose their passwords."""

_NAMESPACES = """for f in /var/run/docker/netns/*; do [ -e "$f" ] || continue; echo "== $f"
for c in 'ip -d address' 'ip route' 'ip neigh' 'bridge fdb' 'iptables-save -c' 'cat /proc/net/ip_vs' \
'cat /proc/sys/net/ipv4/ip_forward'; do echo "-- $c"; nsenter --net="$f" $c 2>&1; done; done"""
_SYSCTLS = (
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.default.rp_filter",
    "net.bridge.bridge-nf-call-iptables",
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
    "net.ipv4.neigh.default.gc_thresh1",
    "net.ipv4.neigh.default.gc_thresh2",
    "net.ipv4.neigh.default.gc_thresh3",
)


def questions(log_seconds: int, now: float) -> tuple[Asked, ...]:
    """Return what a host is asked; its logs from ``log_seconds`` before ``now`` (seconds since the epoch)."""
    return (*_ENGINE, *_KERNEL, *_NETWORK, *_logs(log_seconds, now))


_ENGINE = (
    Asked("docker/version.json", ("docker", "version", "--format", "{{json .}}"), Form.JSON),
    Asked("docker/info.json", ("docker", "info", "--format", "{{json .}}"), Form.JSON),
    Asked(
        "docker/containers.txt",
        ("docker", "ps", "--all", "--no-trunc", "--format", "{{.ID}}\t{{.Names}}\t{{.Image}}\t{{.Status}}"),
    ),
    Asked("docker/networks.txt", ("docker", "network", "ls", "--no-trunc")),
    Asked("docker/disk.txt", ("docker", "system", "df")),
    Asked("docker/daemon.json", ("cat", "/etc/docker/daemon.json"), Form.SETTINGS, optional=True),
    Asked("docker/processes.txt", ("ps", "-C", "dockerd,containerd", "-o", "pid,etime,rss,args"), Form.LOG),
)
_KERNEL = (
    Asked("host/kernel.txt", ("uname", "-a"), sudo=False),
    Asked("host/distribution.txt", ("cat", "/etc/os-release"), sudo=False),
    Asked("host/uptime.txt", ("cat", "/proc/uptime", "/proc/loadavg"), sudo=False),
    Asked("host/memory.txt", ("cat", "/proc/meminfo"), sudo=False),
    Asked("host/disks.txt", ("df", "-h"), sudo=False),
    Asked("host/modules.txt", ("cat", "/proc/modules"), sudo=False),
    Asked("host/sysctl.txt", ("sysctl", "--ignore", *_SYSCTLS)),
    Asked("host/time.txt", ("date", "--iso-8601=ns"), sudo=False),
)
_NETWORK = (
    Asked("network/addresses.txt", ("ip", "-d", "-s", "address")),
    Asked("network/routes.txt", ("ip", "route", "show", "table", "all")),
    Asked("network/rules.txt", ("ip", "rule")),
    Asked("network/neighbours.txt", ("ip", "-s", "neigh")),
    Asked("network/fdb.txt", ("bridge", "fdb", "show")),
    Asked("network/sockets.txt", ("ss", "-lntup"), optional=True),
    Asked("network/iptables.txt", ("iptables-save", "-c")),
    Asked("network/ip6tables.txt", ("ip6tables-save", "-c")),
    Asked("network/iptables-legacy.txt", ("iptables-legacy-save", "-c"), optional=True),
    Asked("network/nft.txt", ("nft", "list", "ruleset"), optional=True),
    Asked("network/ipvs.txt", ("cat", "/proc/net/ip_vs"), optional=True),
    Asked("network/xfrm-states.txt", ("ip", "-s", "xfrm", "state", "list", "nokeys")),
    Asked("network/xfrm-policies.txt", ("ip", "-s", "xfrm", "policy")),
    Asked("network/xfrm-errors.txt", ("cat", "/proc/net/xfrm_stat"), sudo=False, optional=True),
    Asked("network/counters.txt", ("cat", "/proc/net/snmp", "/proc/net/netstat"), sudo=False),
    Asked("network/namespaces.txt", ("sh", "-c", _NAMESPACES), wait=LOG_WAIT, largest=LARGEST_LOG),
)


_CHANGES = ("create", "start", "die", "oom", "destroy", "connect", "disconnect", "update", "remove", "reload", "prune")
"""Events that are shown: those of ``docker exec`` hold what was typed."""
_EVENTS = """
until=$(date +%s)
exec docker events --since "$((until - $0))" --until "$until" --format "$@"
"""
"""By the host's own clock: with another one, the command waits for events to come."""


def _events(seconds: int) -> tuple[str, ...]:
    """Return what prints the engine's last events, which it keeps in memory: 256 at most (20.10 to 28.5)."""
    form = '{{.Time}} {{.Scope}} {{.Type}} {{.Action}} {{.Actor.ID}} {{index .Actor.Attributes "name"}}'
    filters = tuple(word for change in _CHANGES for word in ("--filter", f"event={change}"))
    return ("sh", "-c", _EVENTS, str(seconds), form, *filters)


def _logs(seconds: int, now: float) -> tuple[Asked, ...]:
    units = ("--unit", "docker", "--unit", "containerd")
    window = ("--since", f"@{int(now) - seconds}", "--lines", str(LOG_LINES))
    journal = ("journalctl", "--no-pager", "--output", "short-iso", *units, *window)
    return (
        Asked("logs/journal.txt", journal, Form.LOG, largest=LARGEST_LOG, wait=LOG_WAIT, optional=True),
        Asked(
            "logs/docker.log",
            ("tail", "-n", str(LOG_LINES), "/var/log/docker.log"),
            Form.LOG,
            largest=LARGEST_LOG,
            wait=LOG_WAIT,
            optional=True,
            begin=now - seconds,
        ),
        Asked("logs/events.txt", _events(seconds), Form.LOG, optional=True),
        Asked("logs/kernel.txt", ("dmesg", "--time-format", "iso"), Form.LOG, optional=True, begin=now - seconds),
    )
