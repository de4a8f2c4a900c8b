"""How labels are taken away on every engine; a part of the one suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.swarm import SwarmSpec
from swarmnet.operations.service.converge import again_when_changed

if TYPE_CHECKING:
    from tests.contract.suite import Cluster


class LabelContract:
    """The rules of labels, one a test."""

    def test_a_swarm_update_takes_labels_away_where_it_says_all_of_them(self, cluster: Cluster) -> None:
        def write(labels: dict[str, str], *, whole: bool = False) -> None:
            version = cluster.manager.swarm().version
            cluster.manager.update_swarm(version, SwarmSpec(labels=labels), whole=whole)

        again_when_changed(lambda: write({"stays": "1", "goes": "2"}))
        before = cluster.manager.swarm().spec
        labels = {name: text for name, text in before.labels.items() if name != "goes"}
        again_when_changed(lambda: write(labels, whole=True))
        assert cluster.manager.swarm().spec == before.model_copy(update={"labels": labels})

    def test_a_service_update_takes_labels_away_where_it_says_all_of_them(self, cluster: Cluster) -> None:
        made = cluster.make_service("stripped", env={"A": "1"}, labels={"stays": "1", "goes": "2"}, replicas=0)
        wish = made.spec.model_copy(update={"labels": {"stays": "1"}})
        cluster.manager.services.update(made.id, made.version, wish, whole=True)
        assert cluster.service("stripped").spec == wish
        cluster.manager.services.remove(made.id)
