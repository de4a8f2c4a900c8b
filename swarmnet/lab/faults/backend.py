"""A backend too many in a balancer of the kernel: some connections to each virtual address lead to no task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import NAME, Option, Options

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget

# Hosts have no ipvsadm, but each Debian has perl: IP_VS_SO_SET_ADDDEST (7) and DELDEST (8) of linux/ip_vs.h.
_CHANGE = r"""
use Socket; use Errno qw(EEXIST ENOENT);
my ($what, $address) = (shift, "");
open(my $table, "<", "/proc/net/ip_vs") or die "this kernel has no IPVS\n";
my @marks;
while (<$table>) {
    push @marks, hex $1 if /^FWM\s+([0-9A-F]+)/;
    $address ||= pack("H6", $1) . chr(250) if /->\s+([0-9A-F]{6})/;
}
@marks or $what == 8 or die "nothing is balanced there\n";
socket(my $kernel, AF_INET, SOCK_RAW, 255) or die "socket: $!\n";
for my $mark (@marks) {
    my $service = pack("S x2 a4 S x2 L a16 L L L", 6, "", 0, $mark, "rr", 0, 0, 0);
    my $backend = pack("a4 S x2 L l L L", $address, 0, 0, 1, 0, 0);
    setsockopt($kernel, 0, 1152 + $what, $service . $backend) or $! == EEXIST or $! == ENOENT or die "IPVS: $!\n";
}
"""
_RUN = f"""
set -eu
id=$(docker network inspect --format '{{{{.Id}}}}' -- "$2")
space=/run/docker/netns/lb_$(printf %.9s "$id")
[ -e "$space" ] || {{ [ "$1" = 8 ] && exit 0; echo "no container of this host is on network $2" >&2; exit 1; }}
nsenter --net="$space" perl -e '{_CHANGE}' "$1"
"""
_ADD, _REMOVE = "7", "8"
_DOCKER_LIMIT = 30.0


class BackendOptions(Options):
    """Of which network."""

    network: Annotated[str, Option("name of the overlay network", NAME, selects=True)]


class DeadBackend(Family[BackendOptions]):
    """The host's balancer of an overlay also deals connections out to an address that no task has (.250 of its subnet).

    As after an update of which a node did not hear (moby#35548): one of M + 1 connections to a virtual address fails,
    from this host alone. It needs a kernel with IPVS. The engine does not notice; what it adds and removes itself, it
    adds and removes as before.
    """

    kind = "backend"
    summary = "let a balancer (--network) deal out connections to an address that no task has"
    example = "m1 backend --network front"
    options = BackendOptions
    ends_with = frozenset({"boot", "engine start"})

    def describe(self, options: BackendOptions) -> str:
        """Return where it is."""
        return f"the balancer of network {options.network} has a dead backend"

    def put(self, options: BackendOptions, target: FaultTarget) -> None:
        """Add the backend to each service of the balancer."""
        target.does(_RUN, _ADD, options.network, doing="add a dead backend", limit=_DOCKER_LIMIT)

    def take_back(self, options: BackendOptions, target: FaultTarget) -> None:
        """Remove it, where the balancer still is."""
        target.does(_RUN, _REMOVE, options.network, doing="remove the dead backend", limit=_DOCKER_LIMIT)
