"""Both ends of a trace, as words of their own or with the arrow of playbooks between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.commands.trace import behind_port, ends_of, meant, wish_of
from swarmnet.errors import UsageError
from swarmnet.model.endpoint import EndpointSpec
from swarmnet.model.expectation import Party, PartyKind
from swarmnet.model.service import PublishedPort, PublishMode, Service, ServiceSpec, Task
from swarmnet.model.state import ClusterState, SwarmMembership
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.operations.expect.notation import Known, arrow_form
from tests.cli.test_errors import types
from tests.support.clusters import inventory
from tests.support.setups import facts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        (["web"], ("web", None)),
        (["web", "db"], ("web", "db")),
        (["w1/legacy-", "db:5432"], ("w1/legacy-", "db:5432")),
        (["web", " ->", "db:5432"], ("web", "db:5432")),
        (["web", " ->db"], ("web", "db")),
        (["web->", "db"], ("web", "db")),
        (["web->db"], ("web", "db")),
        (["web -> db: 5432"], ("web", "db:5432")),
        (["outside -> web: 80, 443/tcp"], ("outside", "web:80,443/tcp")),
    ],
)
def test_the_ends_are_words_or_are_around_an_arrow(words: list[str], ends: tuple[str, str | None]) -> None:
    assert ends_of(words) == ends


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["web", "to", "db", "80"], "trace takes FROM and TO", "write: swarmnet trace web db:80"),
        (["web -> db 5432"], "trace takes FROM and TO", "write: swarmnet trace web db:5432"),
        (["web", " ->"], "the arrow needs both ends", "write: swarmnet trace 'web -> TO:PORT'"),
        ([" -> db"], "the arrow needs both ends", "write: swarmnet trace 'FROM -> TO:PORT'"),
        (["web-"], "the shell took the > of the arrow for a file", "in quotes: swarmnet trace 'web -> TO:PORT'"),
        (["web", "-"], "the shell took the > of the arrow for a file", "in quotes: swarmnet trace 'web -> TO:PORT'"),
    ],
)
def test_other_words_are_answered_with_what_to_write(words: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        ends_of(words)
    assert str(caught.value.hint).endswith(hint)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("web", "db", ["5432"]), "swarmnet trace web db:5432"),
        (("web", "to", ["db", "80"]), "swarmnet trace web db:80"),
        (("web", "db:80", ["81"]), "swarmnet trace web db:80"),
        (("web", "->", []), "swarmnet trace web TO"),
    ],
)
def test_words_that_are_too_many_are_answered_with_what_was_meant(
    words: tuple[str, str, list[str]], command: str
) -> None:
    assert meant(*words) == command


@pytest.mark.parametrize("words", [("web", "->", "db"), ("web", "->db"), ("web->db",), ("->", "db")])
def test_an_arrow_is_not_taken_for_an_option(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = types(tmp_path, "trace", *words, "-i", "none.yml")
    assert "option" not in ended.stderr
    assert ("none.yml" in ended.stderr) == (words != ("->", "db"))


OPERATOR = Party(kind=PartyKind.OPERATOR, name="operator")


def swarm(mode: PublishMode) -> ClusterState:
    """Return two hosts, and a service with one task on w1, which publishes 8080."""
    port = PublishedPort(published=8080, target=80, mode=mode)
    nodes = tuple(
        Node(id=f"n-{one}", version=1, hostname=one, spec=NodeSpec(), status="ready", address="192.0.2.1")
        for one in ("m1", "w1")
    )
    return ClusterState(
        hosts=tuple(facts(one, SwarmMembership(node_id=f"n-{one}")) for one in ("m1", "w1")),
        nodes=nodes,
        services=(Service(id="s", version=1, spec=ServiceSpec(name="web", image="w", ports=(port,))),),
        tasks=(Task(id="t", service_id="s", node_id="n-w1", slot=1, state="running", desired_state="running"),),
    )


@pytest.mark.parametrize(
    ("source", "target", "asked"),
    [
        (OPERATOR, "m1:8080", "web"),
        (Party(kind=PartyKind.HOST, name="w1"), "m1:8080", "web"),
        (OPERATOR, "m1:9090", "m1"),
        (OPERATOR, "m1:8080/udp", "m1"),
        (OPERATOR, "web:8080", "web"),
        (Party(kind=PartyKind.SERVICE, name="web"), "m1:8080", "m1"),
    ],
)
def test_a_published_port_of_a_host_is_a_way_to_the_service_behind_it(source: Party, target: str, asked: str) -> None:
    known = Known(services=frozenset({"web"}), hosts=frozenset({"m1", "w1"}))
    found = behind_port(arrow_form(source.name, target), source, known, swarm(PublishMode.INGRESS))
    assert found.target == asked


def test_a_port_in_host_mode_is_refused_where_no_task_runs() -> None:
    known = Known(services=frozenset({"web"}), hosts=frozenset({"m1", "w1"}))
    state = swarm(PublishMode.HOST)
    assert behind_port(arrow_form("operator", "w1:8080"), OPERATOR, known, state).target == "web"
    with pytest.raises(UsageError, match="web publishes 8080 in host mode, and no task of it runs on m1"):
        behind_port(arrow_form("operator", "m1:8080"), OPERATOR, known, state)


def test_another_name_of_a_service_is_answered_with_the_service() -> None:
    state = swarm(PublishMode.INGRESS)
    place = EndpointSpec(network="back", aliases=("db",))
    spec = state.services[0].spec.model_copy(update={"networks": (place,)})
    known = state.model_copy(update={"services": (state.services[0].model_copy(update={"spec": spec}),)})
    with pytest.raises(UsageError) as caught:
        wish_of("web", "db:5432", known, inventory(1, 1))
    assert caught.value.hint == "db is another name of web on back: write web"
