"""Forwarding entries of an overlay network, deleted on one host: frames for one peer have nowhere to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import Fault, LabRecord

_EXAMPLE = "for example: break m1 fdb --network front --to w1"
# Sets `space`, `card` and `kept`. The engine names the namespace of an overlay after a counter and the network's id.
_FIND = """
set -eu
network=$1 peer=$2
id=$(docker network inspect --format '{{.Id}}' -- "$network")
space=
for space in /run/docker/netns/*-$(printf %.10s "$id"); do :; done
kept="/run/lab/fdb.$(printf %.10s "$id").$peer"
"""
_DELETE = f"""{_FIND}
[ -e "$space" ] || {{ echo "no container of this host is on network $network" >&2; exit 1; }}
card=$(nsenter --net="$space" ip -o link show type vxlan | sed -n '1s/^[0-9]*: \\([^:@]*\\).*/\\1/p')
rows=$(nsenter --net="$space" bridge fdb show dev "$card" | grep " dst $peer " || true)
if [ -n "$rows" ]; then
    mkdir -p /run/lab
    printf '%s\\n' "$rows" | sed -n "s/^\\([^ ]*\\) .*permanent.*/\\1/p" | sort -u - >> "$kept"
    printf '%s\\n' "$rows" | while read -r mac rest; do
        nsenter --net="$space" bridge fdb delete "$mac" dev "$card" dst "$peer" self
    done
fi
[ -s "$kept" ] || {{ echo "none there: no container of $network on $peer" >&2; exit 1; }}
"""
_PUT_BACK = f"""{_FIND}
[ -e "$kept" ] || exit 0
if [ -e "$space" ]; then
    card=$(nsenter --net="$space" ip -o link show type vxlan | sed -n '1s/^[0-9]*: \\([^:@]*\\).*/\\1/p')
    sort -u "$kept" | while read -r mac; do
        nsenter --net="$space" bridge fdb replace "$mac" dev "$card" dst "$peer" self permanent
    done
fi
rm "$kept"
"""
_DOCKER_LIMIT = 30.0


class LostForwarding(Family):
    """In the overlay's namespace on the host, no forwarding entry leads to the peer any more.

    The neighbour entries stay, as after the engine's fault moby#52661: names and addresses resolve, frames to the
    peer are dropped. The peer's own frames still arrive, and the device learns from them: once the peer
    speaks first, the way back works until what was learned ages (300 s). Healing puts the entries back.
    """

    kind = "fdb"
    told = "delete the entries of an overlay (--network) that lead to another host (--to)"
    takes = frozenset({"network", "to"})
    key = takes
    ends_with = frozenset({"boot", "engine start"})

    def check(self, fault: Fault, record: LabRecord) -> None:
        """Refuse a fault without network or peer."""
        if fault.network is None or fault.to is None:
            raise UsageError("`fdb` needs --network NAME and --to HOST", hint=_EXAMPLE)
        if record.host(fault.to).name == fault.host:
            raise UsageError(f"no forwarding entry of {fault.host} leads to itself", hint=_EXAMPLE)

    def describe(self, fault: Fault) -> str:
        """Say which way is lost."""
        return f"no forwarding entry leads to {fault.to} in network {fault.network}"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Delete the entries, and keep the engine's own aside."""
        self._run(_DELETE, fault, place, doing=f"delete the entries that lead to {fault.to}")

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Put the entries back, where the network still is."""
        self._run(_PUT_BACK, fault, place, doing=f"put the entries that lead to {fault.to} back")

    @staticmethod
    def _run(script: str, fault: Fault, place: FaultTarget, *, doing: str) -> None:
        peer = str(place.record.host(fault.to or "").address)
        place.does(script, fault.network or "", peer, doing=doing, limit=_DOCKER_LIMIT)
