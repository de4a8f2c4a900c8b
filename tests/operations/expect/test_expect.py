"""Who may talk to whom: how it is written, what it means, and what plans refuse since the networks contradict it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import DocumentError
from swarmnet.model.service import ServiceSpec
from swarmnet.operations.expect.gather import expected_of
from tests.operations.service.test_service import HOSTS, holding
from tests.support.plans import book, plan, refusal

if TYPE_CHECKING:
    from swarmnet.model.expectation import Arrow, Expectations

STEPS = """
- network: {name: front}
- network: {name: back, internal: true}
- service: {name: web, image: "web:1", networks: [front], ports: ["8080:80"]}
- service: {name: api, image: "api:1", networks: [front, back], check: {http: /health, port: 8000, within: 500ms}}
- service: {name: db, image: "db:1", networks: [back], check: {tcp: 5432}}
"""


def expecting(lines: str) -> Expectations:
    return expected_of(book(f"{STEPS}- expect: {{{lines}}}"), HOSTS, holding())


def refused(lines: str) -> str:
    return refusal(f"{STEPS}- expect: {{{lines}}}", holding(), HOSTS)


def words(arrows: tuple[Arrow, ...]) -> list[str]:
    return [f"{arrow.source.kind} {arrow} {'allowed' if arrow.allowed else 'denied'}" for arrow in arrows]


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("allow: ['web -> api: 8000']", "service web -> api: 8000 allowed"),
        ("allow: [web -> api: 8000]", "service web -> api: 8000 allowed"),
        ("allow: ['web->api:53/udp, 8000']", "service web -> api: 53/udp, 8000 allowed"),
        ("deny: [web -> db]", "service web -> db denied"),
        ("allow: ['outside -> web: 8080']", "outside outside -> web: 8080 allowed"),
        ("deny: ['operator -> web: 22']", "operator operator -> web: 22 denied"),
        ("allow: ['m1 -> web: 8080']", "host m1 -> web: 8080 allowed"),
        ("allow: ['10.1.0.0/16 -> web: 8080']", "block 10.1.0.0/16 -> web: 8080 allowed"),
        ("deny: ['m1/tool -> db']", "container m1/tool -> db denied"),
        ("allow: ['web -> m1: 22']", "service web -> m1: 22 allowed"),
        ("egress: {web: ['deb.debian.org:443']}", "service web -> deb.debian.org: 443 allowed"),
    ],
)
def test_a_line_says_who_reaches_whom(line: str, read: str) -> None:
    assert words(expecting(line).arrows) == [read]


def test_a_step_changes_nothing_and_a_check_is_never_sent_to_an_engine() -> None:
    made = plan(
        f"{STEPS}- expect: {{allow: ['web -> api: 8000', 'api -> db', 'outside -> web'], rest: deny}}", holding(), HOSTS
    )
    assert {action.object.kind for action in made.actions} == {"network", "service"}
    assert "/health" not in "".join(action.model_dump_json() for action in made.actions)


def test_the_rest_is_every_pair_that_no_line_connects_in_any_direction() -> None:
    rest = expecting("allow: [web -> api], rest: deny").between()
    assert words(rest) == [
        "service web -> api allowed",
        "service api -> db denied",
        "service db -> api denied",
        "service db -> web denied",
        "service web -> db denied",
    ]


APART = """
- expect: {allow: [web -> api, 'outside -> web: 8080']}
- expect: {rest: deny}
- expect: {allow: [db -> api]}
"""


def test_the_rest_is_what_no_line_of_any_step_is_about() -> None:
    assert plan(f"{STEPS}{APART}", holding(), HOSTS).actions
    denied = expected_of(book(f"{STEPS}{APART}"), HOSTS, holding()).rest()
    assert [str(one) for one in denied] == ["db -> web", "web -> db"]
    missing = APART.replace("web -> api, ", "")
    assert "api and web are both on front" in refusal(f"{STEPS}{missing}", holding(), HOSTS)


def test_a_playbook_of_expectations_alone_is_about_the_services_that_its_lines_name() -> None:
    running = holding(*(ServiceSpec(name=name, image="x") for name in ("a", "b", "c")))
    alone = book("- expect: {allow: [a -> b], egress: {c: none}, rest: deny}")
    denied = expected_of(alone, HOSTS, running).rest()
    assert [str(one) for one in denied] == ["a -> c", "b -> c", "c -> a", "c -> b"]
    assert "nothing would be denied" in refusal("- expect: {rest: deny}", running, HOSTS)


def test_checks_are_those_of_the_services() -> None:
    assert {name: str(one) for name, one in expecting("rest: deny").checks.items()} == {
        "api": "http 8000/health",
        "db": "tcp 5432",
    }


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "write allow, deny, egress or rest"),
        ("allow: [web]", "does not say who reaches whom"),
        ("allow: ['web -> api: 0']", "is not a port from 1 to 65535"),
        ("allow: ['web -> api: 80/sctp']", "is not a port from 1 to 65535"),
        ("allow: [web -> api], deny: [web -> api]", "web -> api is allowed and denied"),
        ("egress: {web: ['deb.debian.org']}", "is not a name or a block with a port"),
        ("egress: {nothing: none}", "'nothing' is neither a service here nor HOST/CONTAINER"),
        ("allow: [web -> nothing]", "'nothing' is neither a service here (known: api, db, web)"),
        ("allow: [web -> web]", "both ends are the same"),
        ("allow: ['web -> m1']", "write 'web -> m1: 443'"),
        ("allow: ['m1 -> m1: 22']", "write the name of a service, or HOST/CONTAINER, at one of them"),
        ("allow: ['deb.debian.org -> web: 80']", "write 'outside'"),
        ("allow: ['web -> outside: 80']", "has no address to ask"),
    ],
)
def test_what_says_nothing_is_refused_with_what_to_write(lines: str, said: str) -> None:
    assert said in refused(lines)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("allow: ['web -> db: 5432']", "they have no network in common (web: front; db: back)"),
        ("deny: [web -> api]", "both are on front, where every port is open to all"),
        (
            "rest: deny, allow: [api -> db, 'outside -> web: 8080']",
            "api and web are both on front, where every port is open to all",
        ),
        ("allow: ['outside -> web: 80']", "web does not publish 80"),
        ("allow: ['m1 -> db: 5432']", "db does not publish 5432"),
        ("allow: [outside -> api]", "api publishes no port"),
        ("deny: ['outside -> web: 8080']", "web publishes 8080 on the nodes"),
        ("allow: [web -> api, api -> db], rest: deny", "web publishes 8080 on the nodes: allow 'outside -> web'"),
        ("egress: {db: ['192.0.2.1:443']}", "all networks of db are internal (back)"),
        ("egress: {api: none}", "network front leads outside"),
        ("egress: {web: none}", "its published ports come with a way out"),
    ],
)
def test_what_the_networks_as_written_contradict_is_refused(lines: str, said: str) -> None:
    assert said in refused(lines)


LAN = """
- network: {name: parts, driver: macvlan, config_only: true, options: {parent: eth0}, subnets: [{subnet: 192.0.2.0/24}]}
- network: {name: lan, driver: macvlan, scope: swarm, config_from: parts}
- service: {name: printer, image: "web:1", networks: [lan]}
"""


def test_what_is_on_the_lan_is_reached_there_without_a_published_port() -> None:
    lines = "allow: ['outside -> printer: 631', 'm1 -> printer: 631']"
    assert plan(f"{LAN}- expect: {{{lines}}}", holding(), HOSTS).actions
    assert "printer publishes no port" in refusal(f"{LAN}- expect: {{allow: [outside -> printer]}}", holding(), HOSTS)


def test_what_the_networks_can_meet_is_planned() -> None:
    lines = """
    allow: ['web -> api: 8000', 'api -> db: 5432', 'outside -> web: 8080'], deny: ['web -> db', 'web -> api: 22'],
    egress: {db: none, api: ['192.0.2.1:443']}, rest: deny
    """
    assert plan(f"{STEPS}- expect: {{{lines}}}", holding(), HOSTS).actions


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("{}", "this one asks nothing"),
        ("{http: /x, tcp: 5}", "this one asks http and tcp"),
        ("{http: health}", "'health' is not a path"),
        ("{dns: 'a b'}", "'a b' is not a name"),
        ("{tcp: 80, port: 81}", "'port' belongs to http and dns"),
        ("{tls: 443, status: 200}", "'status' belongs to http"),
        ("{tls: 70000}", "65535"),
        ("{tcp: 80, within: 0s}", "more than 0"),
    ],
)
def test_a_check_asks_one_thing(check: str, said: str) -> None:
    step = f"- service: {{name: web, image: 'web:1', check: {check}}}"
    with pytest.raises(DocumentError) as error:
        book(step)
    assert said in str(error.value)
