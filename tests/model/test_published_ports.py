"""The ports of a service: what the engine gave, and what is wanted beyond that."""

from __future__ import annotations

import pytest

from swarmnet.model.service import Protocol, PublishedPort, PublishMode, Service, ServiceSpec

MESH = PublishedPort(published=8080, target=80)
CHOICE = PublishedPort(target=53, protocol=Protocol.UDP)
CHOSEN = CHOICE.model_copy(update={"published": 30000})
OTHER = PublishedPort(published=9090, target=80)
ON_HOST = PublishedPort(published=8443, target=443, mode=PublishMode.HOST)
ON_HOSTS_CHOICE = PublishedPort(target=53, protocol=Protocol.UDP, mode=PublishMode.HOST)


def service(given: tuple[PublishedPort, ...], wanted: tuple[PublishedPort, ...] | None) -> Service:
    return Service(id="s", version=1, spec=ServiceSpec(name="web", image="w", ports=wanted), published=given)


@pytest.mark.parametrize(
    ("given", "wanted", "every"),
    [
        ((MESH,), (MESH,), (MESH,)),
        ((), (MESH, CHOICE), (MESH, CHOICE)),
        ((MESH,), None, (MESH,)),
        ((MESH, CHOSEN), (CHOICE, MESH), (MESH, CHOSEN)),
        ((MESH,), (OTHER,), (MESH, OTHER)),
        ((MESH,), (MESH, ON_HOST), (MESH, ON_HOST)),
        ((CHOSEN,), (ON_HOSTS_CHOICE,), (CHOSEN, ON_HOSTS_CHOICE)),
    ],
)
def test_all_ports_are_those_given_then_those_that_are_only_wanted(
    given: tuple[PublishedPort, ...], wanted: tuple[PublishedPort, ...] | None, every: tuple[PublishedPort, ...]
) -> None:
    assert service(given, wanted).all_ports == every


def test_ports_are_as_the_engine_gave_them_until_then_as_they_are_wanted() -> None:
    assert service((MESH,), (OTHER,)).effective_ports == (MESH,)
    assert service((), (OTHER,)).effective_ports == (OTHER,)
    assert service((), None).effective_ports == ()
