"""What is taken away from each example, and which lines of verify's table turn red: data, three rows an example."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NEAR = "! -i lo -p tcp --dport 80"
"""What comes to a container from others: what it asks of itself is the control of denied lines."""
FAR = "! -o lo -p tcp --dport 80"
"""What a container asks of others, itself left out."""
RESET = "-j REJECT --reject-with tcp-reset"


class Taken(StrEnum):
    """What is taken away, or added."""

    RULE = "rule"
    PORT = "port"
    NETWORK = "network"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Breakage:
    """One way to break an example, and what verify must say of it."""

    taken: Taken
    does: str
    """Words of ``iptables`` after its ``-I``, or of ``docker``."""
    red: Mapping[str, str]
    """Failed lines of the table, each with the id of its cause."""
    unknown: frozenset[str] = field(default_factory=frozenset)
    """Lines that are inconclusive, since what would prove them is gone, too."""
    where: str = "m1"
    """The host, or with ``in SERVICE`` all containers of a service."""

    def __str__(self) -> str:
        """Return it as the name of a test."""
        return f"{self.taken}: {self.where}: {self.does}"


def rule(where: str, does: str, red: Mapping[str, str], *unknown: str) -> Breakage:
    """Return a rule of a firewall that stops something."""
    return Breakage(Taken.RULE, does, red, frozenset(unknown), where)


def port(does: str, red: Mapping[str, str]) -> Breakage:
    """Return a published port that is closed."""
    return Breakage(Taken.PORT, f"service update --detach=false --publish-rm {does}", red)


def network(does: str, red: Mapping[str, str], *unknown: str) -> Breakage:
    """Return a service that leaves a network, or joins one that is not its own."""
    return Breakage(Taken.NETWORK, f"service update --detach=false {does}", red, frozenset(unknown))


def service(does: str, red: Mapping[str, str], *unknown: str) -> Breakage:
    """Return a service that is gone, or runs nothing."""
    return Breakage(Taken.SERVICE, f"service {does}", red, frozenset(unknown))


def denied(*pairs: str) -> dict[str, str]:
    """Return the lines that turn red where services reach each other which must not."""
    return dict.fromkeys(pairs, "not-allowed")


BREAKAGES: Mapping[str, tuple[Breakage, ...]] = {
    "first-steps": (
        rule("in b", f"INPUT {NEAR} -j DROP", {"a -> b": "blocked", "outside -> b: 8101": "blocked"}),
        network(
            "--network-add talk c",
            denied("a -> c", "c -> a", "b -> c", "c -> b", "c -> outside"),
        ),
        service("scale b=0", {"a -> b": "no-running-task", "outside -> b: 8101": "no-running-task"}, "b -> c"),
    ),
    "three-tier": (
        rule("in db", f"INPUT {NEAR} {RESET}", {"api -> db": "refused", "worker -> db": "refused"}),
        network("--network-add data edge", denied("edge -> db")),
        service("scale db=0", {"api -> db": "no-running-task", "worker -> db": "no-running-task"}, "db -> outside"),
    ),
    "microservices": (
        rule(
            "in gateway",
            f"OUTPUT {FAR} -j DROP",
            {
                "gateway -> users": "blocked",
                "gateway -> products": "blocked",
                "gateway -> orders": "blocked",
                "gateway -> payments": "blocked",
            },
        ),
        network("--network-rm orders-data orders", {"orders -> orders-db": "no-shared-network"}),
        service("rm payments", {"gateway -> payments": "no-running-task"}, "payments -> payments-db"),
    ),
    "ha-zones": (
        rule("m2", "PREROUTING -t raw -p tcp --dport 8104 -j DROP", {"outside -> web-app: 8104": "blocked"}),
        network("--network-add web db-replica", denied("db-replica -> outside")),
        service(
            "scale db-primary=0",
            {"web-app -> db-primary": "no-running-task", "db-replica -> db-primary": "no-running-task"},
            "db-primary -> outside",
        ),
    ),
    "blue-green": (
        port("80 front-door", {"outside -> front-door: 8105": "port-closed"}),
        network(
            "--network-add blue-env app-green",
            denied("app-blue -> app-green", "app-green -> app-blue"),
        ),
        service(
            "rm app-green",
            {"front-door -> app-green": "no-running-task"},
            "app-green -> app-blue",
            "app-green -> outside",
        ),
    ),
    "zero-trust": (
        rule("in sessions", f"INPUT {NEAR} -j DROP", {"accounts -> sessions": "blocked"}),
        network(
            "--network-add accounts-to-sessions archiver",
            denied("archiver -> sessions", "sessions -> archiver", "archiver -> accounts", "accounts -> archiver"),
        ),
        service(
            "rm ledger",
            {"accounts -> ledger": "no-running-task", "archiver -> ledger": "no-running-task"},
            "ledger -> sessions",
            "ledger -> portal",
            "ledger -> outside",
        ),
    ),
    "mesh-without-sidecars": (
        rule("in stock-gate", f"INPUT {NEAR} {RESET}", {"billing-gate -> stock-gate": "refused"}),
        network("--network-rm billing-inside billing-gate", {"billing-gate -> billing": "no-shared-network"}),
        service(
            "scale stock=0",
            {"stock-gate -> stock": "no-running-task"},
            "stock -> billing",
            "stock -> billing-gate",
            "stock -> outside",
        ),
    ),
    "monitoring": (
        rule("in node-exporter", f"INPUT {NEAR} -j DROP", {"prometheus -> node-exporter": "blocked"}),
        network("--network-rm metrics grafana", {"grafana -> prometheus": "no-shared-network"}),
        service("rm cadvisor", {"prometheus -> cadvisor": "no-running-task"}, "cadvisor -> outside"),
    ),
    "logging": (
        rule(
            "in fluentd",
            f"INPUT {NEAR} -j DROP",
            {"outside -> fluentd: 24224": "blocked", "talker -> fluentd": "blocked", "service fluentd": "blocked"},
        ),
        network("--network-add logs-out talker", denied("talker -> outside")),
        service(
            "rm fluentd",
            {
                "outside -> fluentd: 24224": "no-running-task",
                "talker -> fluentd": "no-running-task",
                "service fluentd": "no-running-task",
            },
        ),
    ),
    "edge-haproxy": (
        rule("in backend", f"INPUT {NEAR} {RESET}", {"balancer -> backend": "refused", "service backend": "refused"}),
        network("--network-add edge-out backend", denied("backend -> outside")),
        service(
            "scale backend=0",
            {"balancer -> backend": "no-running-task", "service backend": "no-running-task"},
            "backend -> outside",
        ),
    ),
    "dev-teams": (
        rule("in red-app", f"OUTPUT {FAR} -j DROP", {"red-app -> shared-db": "blocked"}),
        network(
            "--network-add team-blue red-app",
            denied("red-app -> blue-app", "blue-app -> red-app"),
        ),
        service(
            "rm shared-db",
            {f"{one}-app -> shared-db": "no-running-task" for one in ("red", "green", "blue")},
            "shared-db -> outside",
        ),
    ),
    "lan": (
        rule(
            "in printer",
            f"INPUT {NEAR} -j DROP",
            {"outside -> printer: 80": "blocked", "spooler -> printer": "blocked", "service printer": "blocked"},
        ),
        network("--network-add jobs printer", denied("printer -> desk", "desk -> printer")),
        service(
            "scale spooler=0",
            {"desk -> spooler": "no-running-task"},
            "spooler -> printer",
        ),
    ),
    "stack": (
        rule(
            "in shop_db",
            f"INPUT {NEAR} {RESET}",
            {"shop_api -> shop_db": "refused", "shop_worker -> shop_db": "refused"},
        ),
        network("--network-add shop_data shop_edge", denied("shop_edge -> shop_db", "shop_edge -> shop_cache")),
        service(
            "scale shop_cache=0",
            {"shop_api -> shop_cache": "no-running-task", "shop_worker -> shop_cache": "no-running-task"},
            "shop_cache -> outside",
        ),
    ),
    "site": (
        rule("in web", f"INPUT {NEAR} -j DROP", {"agent -> web: 80": "blocked", "outside -> web: 8080": "blocked"}),
        network("--network-rm back web", {"agent -> web: 80": "no-shared-network"}),
        service("scale web=0", {"agent -> web: 80": "no-running-task", "outside -> web: 8080": "no-running-task"}),
    ),
}
"""For each example that expects something, what is done to it, and what verify says then."""
SHOWN_ON: Mapping[str, tuple[str, ...]] = {
    "26.1": ("blue-green", "microservices", "zero-trust", "logging"),
    "20.10": ("edge-haproxy", "site", "ha-zones", "three-tier"),
    "28.5": ("monitoring", "dev-teams", "mesh-without-sidecars", "stack"),
    "26.1 20.10 28.5": ("first-steps", "lan"),
}
"""The engines of each lab, and the examples that are broken there: each example on one engine at least."""
