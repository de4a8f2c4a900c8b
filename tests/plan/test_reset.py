"""What taking a swarm apart says before it is agreed to."""

from __future__ import annotations

from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.volume import Volume, VolumeSpec
from swarmnet.plan.reset import reset
from tests.support.clusters import inventory, swarm

HOSTS = inventory(managers=1, workers=1)


def volume(name: str, mark: str | None) -> Volume:
    return Volume(spec=VolumeSpec(name=name, labels={} if mark is None else {MANAGED_LABEL: mark}))


def test_volumes_of_this_cluster_stay_and_are_named_with_their_host() -> None:
    before = swarm(HOSTS)
    volumes = {
        "m1": (volume("theirs", None), volume("other", "bakery")),
        "w1": (volume("pgdata", HOSTS.cluster), volume("theirs", None), volume("media", HOSTS.cluster)),
    }
    hosts = tuple(one.model_copy(update={"volumes": volumes[one.host]}) for one in before.hosts)

    made = reset(before.model_copy(update={"hosts": hosts}), HOSTS)

    (reported,) = (text for text in made.warnings if "volume" in text)
    assert reported.startswith(
        "volumes that swarmnet made stay on w1, with their data: pgdata, media; remove there what"
    )
    assert reported.endswith("docker volume rm pgdata media")
    assert not [one for one in made.actions if one.object.kind == "volume"]


def test_hosts_that_were_not_asked_for_volumes_are_not_warned_of() -> None:
    assert not [text for text in reset(swarm(HOSTS), HOSTS).warnings if "volume" in text]
