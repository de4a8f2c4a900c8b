"""What the kernel itself says of fixed neighbours, in a namespace of its own."""

from __future__ import annotations

import json
import subprocess
import sys

MADE = """\
ip link add name card type veth peer name other && ip link set card up && ip address add 192.0.2.1/24 dev card
ip -6 address add 2001:db8::1/64 dev card nodad
ip neigh replace 192.0.2.9 lladdr 02:00:00:00:00:99 nud permanent dev card
ip neigh replace 192.0.2.8 lladdr 02:00:00:00:00:88 nud reachable dev card
ip -6 neigh replace 2001:db8::9 lladdr 02:00:00:00:00:66 nud permanent dev card
exec "$0" -c '
import json
from swarmnet.probe import neighbours
print(json.dumps(neighbours.fixed()))'
"""


def test_only_entries_that_someone_fixed_are_listed() -> None:
    argv = ["unshare", "-n", "sh", "-ec", MADE, sys.executable]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    found: list[dict[str, str]] = json.loads(done.stdout)
    assert sorted(found, key=lambda one: one["address"]) == [
        {"address": "192.0.2.9", "device": "card", "mac": "020000000099"},
        {"address": "2001:db8::9", "device": "card", "mac": "020000000066"},
    ]
