"""A trace from several containers: what they saw alike is said once, with all of them."""

from __future__ import annotations

from swarmnet.model.report import Status
from swarmnet.model.trace import Layer, Path, Trace
from swarmnet.report.terminal.trace import trace_lines

FINE = Layer(name="network", status=Status.OK, detail="both are on back")
RULE = "-A DOCKER-USER -j DROP"


def runs(host: str) -> Layer:
    return Layer(name="container", status=Status.OK, detail=f"web runs on {host}, at 10.0.0.{host[1:]}")


def dropped(host: str) -> Layer:
    return Layer(
        name="firewall",
        status=Status.FAILED,
        detail=f"the firewall of {host} drops these packets: {RULE}",
        cause="firewall-drops",
        fix=f"on {host}, remove the rule:",
        evidence={"commands": ["iptables -D DOCKER-USER -j DROP"]},
    )


def path(host: str, *layers: Layer) -> Path:
    return Path(source=f"web on {host}", host=host, layers=(runs(host), FINE, *layers))


def shown(*paths: Path) -> list[str]:
    return [str(one) for one in trace_lines(Trace(cluster="shop", source="web", target="db:80", paths=paths))]


def test_what_all_saw_is_said_once_before_what_each_saw_alone() -> None:
    assert shown(path("h1"), path("h2")) == [
        "web -> db:80: connects; what the program answers was not read",
        "web on h1 and web on h2",
        "  . network    both are on back",
        "web on h1",
        "  . container  web runs on h1, at 10.0.0.1",
        "web on h2",
        "  . container  web runs on h2, at 10.0.0.2",
    ]


def test_a_fault_that_all_hosts_have_names_all_of_them() -> None:
    said = shown(path("h1", dropped("h1")), path("h2", dropped("h2")))
    assert said[0] == f"web -> db:80: firewall: the firewall of h1 and h2 drops these packets: {RULE}"
    assert said[1:6] == [
        "web on h1 and web on h2",
        "  . network    both are on back",
        f"  x firewall   the firewall of h1 and h2 drops these packets: {RULE}",
        "    fix: on h1 and h2, remove the rule:",
        "      iptables -D DOCKER-USER -j DROP",
    ]


def test_a_fault_of_some_hosts_names_these_and_each_other_fault() -> None:
    gone = Layer(name="network", status=Status.FAILED, detail="they have none in common")
    other = Path(source="web on h4", host="h4", layers=(gone,))
    said = shown(path("h1", dropped("h1")), path("h2"), path("h3", dropped("h3")), other)
    assert said[0] == (
        f"web -> db:80: from web on h1 and web on h3: firewall: the firewall of h1 and h3 drops these packets: {RULE};"
        " also from web on h4: network"
    )


def test_one_path_is_one_group_in_its_own_order() -> None:
    assert shown(path("h1", dropped("h1")))[1:4] == [
        "web on h1",
        "  . container  web runs on h1, at 10.0.0.1",
        "  . network    both are on back",
    ]


def test_a_host_whose_name_is_part_of_another_word_is_not_taken_for_it() -> None:
    words = [Layer(name="network", status=Status.OK, detail=f"{host}-net") for host in ("h1", "h2")]
    paths = [Path(source=host, host=host, layers=(one,)) for host, one in zip(("h1", "h2"), words, strict=True)]
    assert shown(*paths)[1:] == ["h1", "  . network  h1-net", "h2", "  . network  h2-net"]
