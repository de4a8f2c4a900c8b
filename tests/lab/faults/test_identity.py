from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab import Fault

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab


def test_a_cloned_host_has_the_machine_id_of_another_until_it_is_healed(broken: Lab) -> None:
    own = machine_id(broken, "m2")

    broken.break_(Fault(host="m2", kind="machine-id", options={"like": "m1"}))
    broken.break_(Fault(host="m2", kind="machine-id", options={"like": "m3"}))

    assert machine_id(broken, "m2") == machine_id(broken, "m3") != own
    assert broken.status().broken == ("m2: its machine-id is that of m3",)
    broken.heal(Fault(host="m2", kind="machine-id"))
    assert machine_id(broken, "m2") == own


def machine_id(lab: Lab, host: str) -> str:
    return lab.exec(host, ["cat", "/etc/machine-id"]).stdout
