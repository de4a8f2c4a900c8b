"""What virtual addresses do to connections that say nothing for long, on three engines: as the documentation has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.commands import docker
from tests.support.own_cluster import IMAGE
from tests.support.waiting import seen

if TYPE_CHECKING:
    from swarmnet.lab import Lab
    from tests.support.own_cluster import OwnCluster

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]
SERVER = r"""
printf '#!/bin/sh\ncat >/dev/null; sleep "$1"; echo late\n' > /bin/late
printf '#!/bin/sh\nexec /bin/late 55\n' > /bin/within
printf '#!/bin/sh\nexec /bin/late 65\n' > /bin/after
chmod +x /bin/late /bin/within /bin/after
nc -ll -p 81 -e /bin/within & nc -ll -p 82 -e /bin/after & exec nc -ll -p 80 -e cat
"""
"""Port 80 sends back what it gets; 81 and 82 answer 55 and 65 seconds after the client closed its side."""
CLIENT = r"""
idle() { (echo one; sleep "$2"; echo two; sleep 10) | nc "$1" 80 | grep -c .; }
half() { echo ask | timeout 120 nc "$1" "$2" | grep -c .; }
for to in $SERVERS; do for way in "$to" "tasks.$to"; do
    idle "$way" 850 > "/tmp/$way 850" & idle "$way" 980 > "/tmp/$way 980" &
    half "$way" 81 > "/tmp/$way 55" & half "$way" 82 > "/tmp/$way 65" &
done; done
wait
touch /tmp/done
sleep 100000
"""
"""Each way has a file with the number of lines that came: two of an idle connection, one of a half-closed one.
What is forgotten ends nowhere: the client of a half-closed connection would wait without end."""
WHOLE = {850: "2", 980: "2", 55: "1", 65: "1"}
SHORT = {850: "2", 980: "1", 55: "1", 65: "0"}
"""Lines by seconds of silence: IPVS forgets an idle connection after 900 s, a half-closed one after 60 (moby#31208,
moby#29655). Kernels look at such a time-out only every 41 s (HZ=100), so 905 s may still be whole."""


def heard(lab: Lab, host: str) -> dict[str, str]:
    """Return the lines that came by each way, once all connections of a client have ended."""
    listing = ["docker", "exec", "client", "sh", "-c", "cd /tmp; ls -d done && grep -H . *"]
    done = seen(lambda: lab.exec(host, listing), lambda one: one.exit_code == 0, limit=1500, every=10)
    return dict(line.split(":") for line in done.stdout.splitlines() if ":" in line)


def test_a_virtual_address_forgets_what_is_idle_and_the_tasks_own_address_does_not(own_cluster: OwnCluster) -> None:
    lab = own_cluster.lab
    hosts = [one.name for one in lab.hosts]
    lead = hosts[0]
    plain = ("--network", "plain")
    try:
        for host in hosts:
            where = ("--constraint", f"node.hostname=={host}")
            docker(lab, lead, "service", "create", "--name", f"at-{host}", *where, *plain, IMAGE, "sh", "-c", SERVER)
        for host, other in zip(hosts, (*hosts[1:], lead), strict=True):
            servers = f"SERVERS=at-{host} at-{other}"
            docker(lab, host, "run", "-d", "--name", "client", *plain, "-e", servers, IMAGE, "sh", "-c", CLIENT)

        for host, other in zip(hosts, (*hosts[1:], lead), strict=True):
            lines = heard(lab, host)
            for to in (f"at-{host}", f"at-{other}"):
                assert {after: lines[f"tasks.{to} {after}"] for after in WHOLE} == WHOLE, (host, lines)
                assert {after: lines[f"{to} {after}"] for after in SHORT} == SHORT, (host, lines)
    finally:
        for host in hosts:
            lab.exec(host, ["docker", "rm", "-f", "client"])
            lab.exec(lead, ["docker", "service", "rm", f"at-{host}"])
