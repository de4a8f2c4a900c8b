"""Check ``identities``: hosts that are copies of each other, or have what is another one's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.verify.checks.asked import FILES
from swarmnet.verify.checks.identities import Identities
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import PLACES
from swarmnet.verify.scenario import Answer
from tests.support.checked import address, host_facts, hosts_setup
from tests.verify.checks.test_hosts import bad, healthy, only

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject


def test_a_copied_machine_id_and_engine_id_name_both_hosts() -> None:
    answers = healthy()
    answers["w2", FILES.name] = answers["w1", FILES.name]
    setup = hosts_setup(host_facts("m1"), host_facts("w1", id="same"), host_facts("w2", id="same"))

    found = bad(Identities(), setup, answers)

    assert {(one.cause, str(one.evidence["hosts"])) for one in found} == {
        (CauseId.MACHINE_ID, "['w1', 'w2']"),
        (CauseId.SAME_ENGINE, "['w1', 'w2']"),
    }


def test_two_names_of_one_host_are_one_finding() -> None:
    twin = host_facts("w1", id="same")
    other = twin.model_copy(update={"host": "w2"})
    answers = healthy()
    answers["w2", FILES.name] = answers["w1", FILES.name]

    found = only(Identities(), hosts_setup(host_facts("m1"), twin, other), answers)

    assert (found.cause, found.evidence["hosts"]) == (CauseId.HOST_TWICE, ["w1", "w2"])


@pytest.mark.parametrize(
    ("host", "places", "cause"),
    [
        ("w2", {address("w2"): {"device": "eth0", "mac": "02w1"}}, CauseId.SAME_MAC),
        ("w1", {address("w1"): {"device": "eth0"}, address("w2"): {"device": "lo"}}, CauseId.ADDRESS_OF_PEER),
    ],
)
def test_hosts_that_share_a_mac_address_or_an_address_are_named(host: str, places: JsonObject, cause: CauseId) -> None:
    answers = healthy()
    answers[host, PLACES.name] = Answer({"places": places})

    found = only(Identities(), hosts_setup(), answers)

    assert (found.cause, found.evidence["hosts"]) == (cause, ["w1", "w2"])


def test_an_address_that_the_host_does_not_have_is_named() -> None:
    found = only(Identities(), hosts_setup(problems={"w1": "w1: 10.9.9.9 is not an address of the host"}))

    assert (found.cause, found.evidence["hosts"]) == (CauseId.ADVERTISE, ["w1"])
