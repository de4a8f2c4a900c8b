"""Why nothing of a party runs: each reason in words, with what to do about it."""

from __future__ import annotations

import pytest

from swarmnet.model.service import Service, ServiceSpec, Task
from swarmnet.model.state import ClusterState
from swarmnet.verify.idle import idle


def state(*tasks: tuple[str, str], replicas: int | None = None) -> ClusterState:
    spec = ServiceSpec(name="web", image="i:1", replicas=replicas)
    return ClusterState(
        services=(Service(id="s", version=1, spec=spec),),
        tasks=tuple(
            Task(id=str(at), service_id="s", node_id=None, state=word, desired_state="running", message=message)
            for at, (word, message) in enumerate(tasks)
        ),
    )


@pytest.mark.parametrize(
    ("seen", "party", "words", "fix"),
    [
        (state(), "m1/legacy", "no container legacy runs on m1", "docker start legacy"),
        (state(), "api", "the service does not exist", "apply the playbook"),
        (state(replicas=0), "web", "the service is scaled to 0", "docker service scale web=1"),
        (
            state(("failed", "exit 1"), ("pending", "no suitable node")),
            "web",
            "runs: no suitable node",
            "--no-trunc web",
        ),
        (state(("rejected", "No such image")), "web", "runs: No such image", "--no-trunc web"),
        (
            state(("starting", "starting"), ("failed", "exit 1")),
            "web",
            "1 is starting, on its host; until the health check of its container passes, web has no name",
            "docker inspect -f '{{json .State.Health}}' CONTAINER",
        ),
        (state(), "web", "no container of web runs", "docker service ps --no-trunc web"),
    ],
)
def test_each_reason_is_named_with_what_to_do(seen: ClusterState, party: str, words: str, fix: str) -> None:
    why = idle(seen, party)
    assert words in why.words
    assert fix in why.fix
