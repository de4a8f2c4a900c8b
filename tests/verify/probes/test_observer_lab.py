"""An observer on real hosts: calls from the host's own network, and packets counted on the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from swarmnet.verify import keys
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import (
    Answers,
    Findings,
    ObserverTask,
    ProbeTask,
    Question,
    Scenario,
    Setup,
)
from swarmnet.verify.story import VerifyOptions
from tests.support.live_verify import run, traces
from tests.support.waiting import soon

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from tests.support.own_cluster import OwnCluster

pytestmark = pytest.mark.lab


class Watching(Scenario):
    """Captures on every host while all probes ping each other; asks a host for the mesh's web server."""

    name: ClassVar[str] = "watching"
    summary: ClassVar[str] = "what an observer can do"
    needs_observer: ClassVar[bool] = True

    def __init__(self) -> None:
        self.answers: Answers = {}

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        vteps: JsonObject = {observer.host: observer.vtep for observer in setup.observers}
        begin: JsonObject = {"kind": "capture", "name": "c", "peers": [*vteps.values()], "port": 4789, "needles": {}}
        questions: list[Question] = [ObserverTask(host, "begin", {**begin, "seconds": 30}) for host in setup.watched]
        if ("m1", "begin") in answers:
            ping: JsonObject = {"kind": "icmp", "targets": {s.host: s.addresses["plain"] for s in setup.ready}}
            questions += [ProbeTask(probe.host, "ping", ping) for probe in setup.ready]
            web: JsonObject = {"kind": "http", "times": 4, "targets": {h: f"{vtep}:8080" for h, vtep in vteps.items()}}
            questions.append(ObserverTask("m1", "web", web))
        if ("m1", "ping") in answers:
            questions += [ObserverTask(host, "end", {"kind": "collect", "name": "c"}) for host in setup.watched]
        return tuple(questions)

    def judge(self, _setup: Setup, answers: Answers) -> Findings:
        self.answers = answers
        return Findings()


@pytest.fixture(scope="module")
def seen(own_cluster: OwnCluster) -> Answers:
    """Return what the observers of one run said; nothing of it may stay."""
    before = traces(own_cluster.lab)
    watching = Watching()
    run(own_cluster.lab, VerifyOptions((watching,), networks=("plain",)))
    assert soon(lambda: traces(own_cluster.lab) == before), (before, traces(own_cluster.lab))
    return watching.answers


def test_an_observer_calls_published_ports_from_the_hosts_own_address(seen: Answers) -> None:
    found, problem = outcomes(seen, "m1", keys.targets("web"))
    assert problem is None
    assert all((outcome["ok"], outcome["tries"]) == (True, 4) for outcome in found.values())
    local = {str(outcome["local"]).partition(":")[0] for outcome in found.values()}
    assert len(local) == 1


def test_an_observer_counts_what_leaves_and_what_arrives_while_probes_talk(seen: Answers) -> None:
    for host in ("m1", "m2", "m3"):
        reported = seen[host, "end"].value
        assert reported["complete"] is True, reported
        for direction in ("sent", "received"):
            assert len(reported[direction]["vxlan"]) == 2, reported  # type: ignore[index,call-overload,arg-type]
