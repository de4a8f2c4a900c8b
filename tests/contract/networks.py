"""What networks are on every engine; a part of the one suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ConflictError, EngineError, NotAManagerError, NotFoundError
from swarmnet.model.compare import network_changes
from swarmnet.model.network import NetworkSpec, Scope, Subnet

if TYPE_CHECKING:
    from tests.contract.suite import Cluster


class NetworkContract:
    """The rules of networks, one a test."""

    def test_a_swarm_network_gets_subnet_gateway_and_vni_after_it_was_accepted(self, cluster: Cluster) -> None:
        network = cluster.make_network("filled")
        assert network.spec.effective_scope is Scope.SWARM
        assert len(network.vnis) == len(network.spec.subnets) == 1
        assert network.spec.subnets[0].gateway is not None
        assert not network.predefined

    def test_a_network_keeps_what_was_asked_for(self, cluster: Cluster) -> None:
        subnet = {"subnet": "10.201.0.0/24", "gateway": "10.201.0.254", "ip_range": "10.201.0.128/25"}
        network = cluster.make_network(
            "asked", subnets=(subnet,), internal=True, mtu=1400, options={"foo": "bar"}, labels={"l": "v"}
        )
        wanted = NetworkSpec(
            name="asked",
            attachable=True,
            internal=True,
            mtu=1400,
            scope=Scope.SWARM,
            subnets=(Subnet.model_validate(subnet),),
            options={"foo": "bar"},
            labels={"l": "v"},
        )
        assert network_changes(wanted, network.spec, exact=True) == ()

    def test_an_encrypted_network_is_reported_as_encrypted(self, cluster: Cluster) -> None:
        assert cluster.make_network("sealed", encrypted=True).spec.encrypted
        assert not cluster.make_network("open").spec.encrypted

    def test_an_overlapping_network_is_accepted_but_never_allocated(self, cluster: Cluster) -> None:
        cluster.make_network("first", subnets=({"subnet": "10.202.0.0/24"},))
        network_id = cluster.manager.networks.create(
            NetworkSpec(name="second", subnets=(Subnet(subnet="10.202.0.0/25"),))
        )
        cluster.clock.sleep(1.0)
        second = cluster.network("second")
        assert second is not None
        assert (second.allocated, second.spec.driver, second.spec.subnets) == (False, "", ())
        cluster.manager.networks.remove(network_id)

    def test_swarm_network_names_are_unique_whatever_their_case(self, cluster: Cluster) -> None:
        cluster.make_network("unique")
        for name in ("unique", "UNIQUE"):
            with pytest.raises(ConflictError):
                cluster.manager.networks.create(NetworkSpec(name=name))

    def test_a_swarm_network_must_be_named_like_a_dns_label(self, cluster: Cluster) -> None:
        with pytest.raises(EngineError) as caught:
            cluster.manager.networks.create(NetworkSpec(name="a.b"))
        assert caught.value.status == 400

    def test_a_local_network_lives_on_its_host_alone(self, cluster: Cluster) -> None:
        spec = NetworkSpec(name="here", driver="bridge", subnets=(Subnet(subnet="10.203.0.0/24"),), labels={"l": "v"})
        network_id = cluster.worker.networks.create(spec)
        seen = next(net for net in cluster.worker.networks.list() if net.id == network_id)
        assert (seen.spec.scope, seen.spec.labels, seen.vnis) == (Scope.LOCAL, {"l": "v"}, ())
        assert cluster.network("here") is None
        with pytest.raises(ConflictError):
            cluster.worker.networks.create(spec)
        cluster.worker.networks.remove(network_id)
        assert all(net.id != network_id for net in cluster.worker.networks.list())

    def test_a_network_made_from_another_one_bears_no_labels(self, cluster: Cluster) -> None:
        template = NetworkSpec(name="template", driver="bridge", config_only=True, labels={"l": "v"})
        kept = cluster.worker.networks.create(template)
        made = NetworkSpec(name="made", driver="bridge", config_from="template")
        with pytest.raises(EngineError) as caught:
            cluster.worker.networks.create(made.model_copy(update={"labels": {"l": "v"}}))
        assert caught.value.status == 403
        cluster.worker.networks.remove(cluster.worker.networks.create(made))
        cluster.worker.networks.remove(kept)

    def test_the_engines_own_networks_are_marked(self, cluster: Cluster) -> None:
        own = {net.spec.name for net in cluster.manager.networks.list() if net.predefined}
        assert own == {"bridge", "host", "none", "docker_gwbridge", "ingress"}

    def test_a_workers_list_lacks_swarm_networks_without_saying_so(self, cluster: Cluster) -> None:
        cluster.make_network("unseen")
        assert "unseen" not in {net.spec.name for net in cluster.worker.networks.list()}

    def test_a_worker_cannot_make_a_swarm_network(self, cluster: Cluster) -> None:
        with pytest.raises(NotAManagerError):
            cluster.worker.networks.create(NetworkSpec(name="nowhere"))

    def test_removing_what_is_gone_is_not_found(self, cluster: Cluster) -> None:
        with pytest.raises(NotFoundError):
            cluster.manager.networks.remove("0123456789abcdefghijklmno")
