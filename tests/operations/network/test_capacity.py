"""What services ask of a network: the quick bound never falls below the count."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.model.hosts import Availability, Role
from swarmnet.model.service import EndpointMode, ServiceMode, ServiceSpec
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.operations.network.capacity import Demand

NODES = st.lists(
    st.builds(
        lambda status, availability, zone: Node(
            id="n",
            version=1,
            hostname="n",
            spec=NodeSpec(role=Role.WORKER, availability=availability, labels={"zone": zone}),
            status=status,
            address="10.0.0.1",
        ),
        st.sampled_from(["ready", "down"]),
        st.sampled_from([None, *Availability]),
        st.sampled_from(["a", "b"]),
    ),
    max_size=6,
)
SERVICES = st.builds(
    lambda mode, replicas, most, endpoint, constraints: ServiceSpec(
        name="web",
        image="i",
        mode=mode,
        replicas=None if mode.is_everywhere else replicas,
        max_concurrent=most if mode is ServiceMode.REPLICATED_JOB else None,
        endpoint_mode=endpoint,
        constraints=constraints,
    ),
    st.sampled_from(ServiceMode),
    st.none() | st.integers(0, 9),
    st.none() | st.integers(1, 9),
    st.none() | st.sampled_from(EndpointMode),
    st.sampled_from([None, ("node.labels.zone==a",)]),
)


@settings(max_examples=200, deadline=None)
@given(SERVICES, NODES)
def test_no_service_asks_for_more_than_the_bound(spec: ServiceSpec, nodes: list[Node]) -> None:
    counted, bound = Demand.of(spec, nodes), Demand.at_most(spec, nodes)

    assert counted.tasks <= bound.tasks
    assert counted.virtual <= bound.virtual
    assert counted.nodes <= bound.nodes
