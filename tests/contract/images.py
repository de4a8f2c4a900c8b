"""What holds for the images of one host, on a simulated engine and on a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import EngineError, NotFoundError
from tests.contract.suite import IMAGE
from tests.support.image_archives import config_digest, saved

if TYPE_CHECKING:
    from tests.contract.suite import Cluster


class ImageContract:
    """Images of one host."""

    def test_an_image_is_there_or_not(self, cluster: Cluster) -> None:
        assert cluster.manager.has_image(IMAGE)
        assert not cluster.manager.has_image("swarmnet-absent:1")
        cluster.manager.remove_image("swarmnet-absent:1")
        seen = cluster.manager.image(IMAGE)
        assert seen is not None
        assert (seen.reference, str(seen.platform.architecture)) == (IMAGE, "amd64")

    def test_an_image_of_an_archive_is_found_by_name_and_digest_and_gets_more_names(self, cluster: Cluster) -> None:
        engine, digest = cluster.worker, config_digest(content=b"contract")
        with pytest.raises(EngineError):
            engine.load_image(b"no archive")
        engine.load_image(saved("swarmnet-loaded:1", content=b"contract"))
        by_name = engine.image("swarmnet-loaded:1")
        assert by_name is not None
        assert (by_name.id, by_name.platform.os) == (digest, "linux")
        assert engine.has_image(digest)
        engine.tag_image(digest, "swarmnet-loaded:2")
        engine.remove_image("swarmnet-loaded:1")
        assert not engine.has_image("swarmnet-loaded:1")
        again = engine.image("swarmnet-loaded:2")
        assert again is not None
        assert (again.reference, again.id) == ("swarmnet-loaded:2", digest)
        engine.remove_image("swarmnet-loaded:2")
        assert not engine.has_image(digest)
        with pytest.raises(NotFoundError):
            engine.tag_image(digest, "swarmnet-loaded:3")
        engine.load_image(saved(content=b"contract"))
        assert engine.has_image(digest)
        engine.remove_image(digest)
