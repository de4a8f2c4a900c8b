"""What holds for the volumes of a simulated engine and of a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ConflictError, EngineError, NotFoundError
from swarmnet.model.plain_container import PlainContainer
from swarmnet.model.version import ApiVersion
from swarmnet.model.volume import VolumeSpec
from tests.contract.suite import IMAGE

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

    def test_mounts_of_images_are_for_containers_and_those_of_the_cluster_for_tasks(self, cluster: Cluster) -> None:
        api = cluster.manager.facts().api
        for kind, since in (("image", None), ("cluster", ApiVersion(1, 42))):
            mounts = ({"type": kind, "source": IMAGE, "target": "/x"},)
            if since is None or api < since:
                with pytest.raises(EngineError, match="invalid MountType"):
                    cluster.make_service("mounts", mounts=mounts, replicas=0)
            else:
                cluster.manager.services.remove(cluster.make_service("mounts", mounts=mounts, replicas=0).id)
        for kind, since in (("image", ApiVersion(1, 48)), ("cluster", None)):
            mounts = ({"type": kind, "source": IMAGE, "target": "/x"},)
            wanted = PlainContainer.model_validate({"name": "mounts", "image": IMAGE, "mounts": mounts})
            if since is None or api < since:
                with pytest.raises(EngineError, match="mount type unknown"):
                    cluster.worker.plain.create("mounts", wanted, ())
            else:
                cluster.worker.remove_container(cluster.worker.plain.create("mounts", wanted, ()))


class PluginContract:
    """A driver that no host has; comes last, because engines look for its plugin for fifteen seconds."""

    def test_a_volume_of_a_driver_without_a_plugin_is_refused(self, cluster: Cluster) -> None:
        with pytest.raises(EngineError):
            cluster.pluginless.result(timeout=180)
        assert "pluginless" not in [one.id for one in cluster.worker.volumes.list()]
