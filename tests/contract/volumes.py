"""What holds for the volumes of a simulated engine and of a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ConflictError, EngineError, NotFoundError
from swarmnet.model.volume import VolumeSpec

if TYPE_CHECKING:
    from tests.contract.suite import Cluster


class VolumeContract:
    """Volumes of one host."""

    def test_a_volume_is_created_once_and_keeps_driver_options_and_labels(self, cluster: Cluster) -> None:
        spec = VolumeSpec(
            name="pgdata", options={"type": "tmpfs", "device": "tmpfs", "o": "size=9m"}, labels={"l": "v"}
        )
        volumes = cluster.worker.volumes
        assert [volumes.create(spec), volumes.create(VolumeSpec(name="pgdata"))] == ["pgdata", "pgdata"]
        assert [one.spec for one in volumes.list() if one.id == "pgdata"] == [spec]
        assert "pgdata" not in volumes.sizes()  # engines count what is on their own disk alone
        volumes.remove("pgdata")
        with pytest.raises(NotFoundError):
            volumes.remove("pgdata")

    def test_a_task_creates_its_volume_and_its_container_names_it(self, cluster: Cluster) -> None:
        mount, volumes = {"target": "/data", "source": "kept"}, cluster.worker.volumes
        made = cluster.make_service("keeper", mounts=(mount,), constraints=("node.role==worker",))
        (task,) = cluster.running("keeper", 1)

        box = next(one for one in cluster.worker.containers() if one.id == task.container_id)
        assert box.volumes == ("kept",)
        assert [one.spec.driver for one in volumes.list() if one.id == "kept"] == ["local"]
        assert volumes.sizes()["kept"] == 0
        with pytest.raises(ConflictError):
            volumes.remove("kept")
        cluster.manager.services.remove(made.id)


class PluginContract:
    """A driver that no host has; comes last, because engines look for its plugin for fifteen seconds."""

    def test_a_volume_of_a_driver_without_a_plugin_is_refused(self, cluster: Cluster) -> None:
        with pytest.raises(EngineError):
            cluster.pluginless.result(timeout=180)
        assert "pluginless" not in [one.id for one in cluster.worker.volumes.list()]
