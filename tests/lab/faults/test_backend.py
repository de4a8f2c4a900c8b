from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import LabError
from swarmnet.lab import Fault

if TYPE_CHECKING:
    from tests.support.own_cluster import OwnCluster

pytestmark = pytest.mark.lab
TABLE = ["sh", "-c", "nsenter --net=$(ls -d /run/docker/netns/lb_* | head -1) cat /proc/net/ip_vs"]
DEAD = "FA:0000"
"""How the kernel writes the end of an address that ends with .250."""


def test_a_dead_backend_is_in_the_balancer_until_it_is_healed(own_cluster: OwnCluster) -> None:
    lab = own_cluster.lab
    host = next(one.name for one in lab.hosts if "Masq" in lab.exec(one.name, TABLE).stdout)
    fault = Fault(host=host, kind="backend", options={"network": "vault"})
    before = lab.exec(host, TABLE).stdout

    lab.break_(fault)
    lab.break_(fault)
    broken = lab.exec(host, TABLE).stdout
    lab.heal(Fault(host=host, kind="backend"))

    assert (before.count(DEAD), broken.count(DEAD)) == (0, before.count("FWM"))
    assert lab.exec(host, TABLE).stdout.count("Masq") == before.count("Masq")
    with pytest.raises(LabError, match="no container of this host is on network plain"):
        lab.break_(Fault(host=host, kind="backend", options={"network": "plain"}))
    own_cluster.heal()
