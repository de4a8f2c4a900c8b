"""What a spec that says all leaves out goes back to what engines do."""

from __future__ import annotations

from hypothesis import given

from swarmnet.model.cleared import cleared
from swarmnet.model.compare import service_changes
from swarmnet.model.merge import lay
from swarmnet.model.service import ServiceSpec
from tests.edge.engine.wire.test_wire_service import specs

LEAST = ServiceSpec(name="web", image="nginx")


@given(specs)
def test_nothing_is_left_of_what_was_there_and_a_second_time_changes_nothing(present: ServiceSpec) -> None:
    wanted = LEAST.model_copy(update={"mode": present.mode, "name": present.name})
    after = lay(present, cleared(wanted, present))

    assert service_changes(lay(after, cleared(wanted, after)), after, exact=True) == ()
    assert (after.env or {}, after.ports or (), after.user or "", after.constraints or ()) == ({}, (), "", ())


def test_what_is_left_out_there_too_stays_left_out() -> None:
    assert cleared(LEAST, LEAST) == LEAST


def test_a_part_is_cleared_at_depth() -> None:
    present = ServiceSpec.model_validate(
        {"name": "web", "image": "nginx", "update": {"delay": 3.0, "order": "start-first"}}
    )
    wanted = ServiceSpec.model_validate({"name": "web", "image": "nginx", "update": {"delay": 4.0}})

    after = cleared(wanted, present).update

    assert after is not None
    assert (after.delay, after.order, after.monitor) == (4.0, "stop-first", None)
