"""What the kernel itself says of routes that rules of policy routing lead to, in a namespace of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MADE = """\
ip link set lo up && ip rule add pref 220 lookup 220 && {} && exec "$0" -c '
import json
from swarmnet.probe import netlink
print(json.dumps(netlink.ways({{"it": "198.51.100.7"}}, "{}")))'
"""


def way(command: str, source: str = "") -> dict[str, object]:
    argv = ["unshare", "-n", "sh", "-c", MADE.format(command, source), sys.executable]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found["it"]


@pytest.mark.parametrize("table", [220, 51820])
def test_the_table_that_a_rule_leads_to_is_in_the_answer(table: int) -> None:
    found = way(f"ip rule add pref 9 lookup {table} && ip route add 198.51.100.0/24 dev lo table {table}")
    assert (found["ok"], found["device"], found["table"]) == (True, "lo", table)


def test_a_route_of_the_main_table_has_no_table_of_its_own() -> None:
    found = way("ip route add 198.51.100.0/24 dev lo")
    assert (found["ok"], found["device"]) == (True, "lo")
    assert "table" not in found


def test_a_rule_for_packets_of_a_source_is_seen_with_that_source_alone() -> None:
    rule = "ip route add 198.51.100.0/24 dev lo && ip address add 192.0.2.1/32 dev lo"
    rule += " && ip rule add pref 9 from 192.0.2.1 lookup 99 && ip route add blackhole default table 99"
    assert way(rule)["ok"] is True
    found = way(rule, "192.0.2.1")
    assert (found["ok"], found["error"]) == (False, "EINVAL")


@pytest.mark.parametrize(
    ("kind", "error"),
    [("blackhole", "EINVAL"), ("unreachable", "EHOSTUNREACH"), ("prohibit", "EACCES"), ("throw", "ENETUNREACH")],
)
def test_the_kernels_reason_has_its_name(kind: str, error: str) -> None:
    found = way(f"ip route add {kind} 198.51.100.0/24 table 220")
    assert (found["ok"], found["error"]) == (False, error)
