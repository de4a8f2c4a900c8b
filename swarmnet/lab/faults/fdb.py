"""Forwarding entries of an overlay network, deleted on one host: frames for one peer have nowhere to go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import HOST, NAME, Option, Options

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import HostRecord, LabRecord

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


class LostOptions(Options):
    """Of which network, and which way."""

    network: Annotated[str, Option("name of the overlay network", NAME, selects=True)]
    to: Annotated[str, Option("the host that no longer hears HOST", HOST, selects=True)]


class LostForwarding(Family[LostOptions]):
    """In the overlay's namespace on the host, no forwarding entry leads to the peer any more.

    The neighbour entries stay, as after the engine's fault moby#52661: names and addresses resolve, frames to the
    peer are dropped. The peer's own frames still arrive, and the device learns from them: once the peer
    speaks first, the way back works until what was learned ages (300 s). Healing puts the entries back.
    """

    kind = "fdb"
    summary = "delete the entries of an overlay (--network) that lead to another host (--to)"
    example = "m1 fdb --network front --to w1"
    options = LostOptions
    ends_with = frozenset({"boot", "engine start"})

    def check(self, options: LostOptions, host: HostRecord, record: LabRecord) -> None:
        """Refuse the host itself as the peer."""
        if record.host(options.to).name == host.name:
            raise UsageError(f"no forwarding entry of {host.name} leads to itself", hint=self.hint())

    def describe(self, options: LostOptions) -> str:
        """Return which way is lost."""
        return f"no forwarding entry leads to {options.to} in network {options.network}"

    def put(self, options: LostOptions, target: FaultTarget) -> None:
        """Delete the entries, and keep the engine's own aside."""
        self._run(_DELETE, options, target, doing=f"delete the entries that lead to {options.to}")

    def take_back(self, options: LostOptions, target: FaultTarget) -> None:
        """Put the entries back, where the network still is."""
        self._run(_PUT_BACK, options, target, doing=f"put the entries that lead to {options.to} back")

    @staticmethod
    def _run(script: str, options: LostOptions, target: FaultTarget, *, doing: str) -> None:
        peer = str(target.record.host(options.to).address)
        target.does(script, options.network, peer, doing=doing, limit=_DOCKER_LIMIT)
