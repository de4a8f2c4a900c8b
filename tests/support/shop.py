"""Services of a shop on a lab of three hosts: those that work, and ways in which they do not."""

from __future__ import annotations

SOON = ("--health-interval", "1s")
"""Without it, a task begins half a minute later: it is healthy after one interval."""
SHOP: dict[str, tuple[str, ...]] = {
    "rr": ("--mode", "global", "--endpoint-mode", "dnsrr", "--network", "name=shop,alias=all", "demo:1"),
    "web": ("--replicas", "3", "--network", "name=shop,alias=www,alias=front", "--health-cmd", "true", *SOON, "demo:1"),
    "none": ("--replicas", "0", "--network", "shop", "demo:1"),
    "zoned": ("--replicas", "4", "--placement-pref", "spread=node.labels.zone", "--network", "shop", "demo:1"),
}
WRONG: dict[str, tuple[str, ...]] = {
    "deaf": ("--publish", "mode=host,target=81,published=8181"),
    "refused": ("--mount", "type=bind,source=/nosuch,target=/x"),
    "waits": ("--constraint", "node.labels.none==1"),
    "asks": ("--dns", "192.0.2.53"),
}
"""Services that do not work, each in a way of its own."""
HALTS = {
    "m1": "kill -STOP $(docker inspect -f '{{.State.Pid}}' $(docker ps -qf name=^web | head -1))",
    "m2": "docker pause $(docker ps -qf name=^rr)",
    "m3": "docker exec $(docker ps -qf name=^zoned | head -1) sh -c 'echo nameserver 192.0.2.9 > /etc/resolv.conf'",
}
"""What only the hosts show of containers that managers call running."""
TO_LOGS = ("-p", "udp", "--dport", "5140", "-j", "DROP")
