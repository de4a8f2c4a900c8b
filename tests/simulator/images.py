"""The images of a simulated engine, and the registries that it asks."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, EngineError, NotFoundError
from swarmnet.model.host_image import Image
from swarmnet.model.image import registry_of
from swarmnet.model.placement_codecs import Platform
from tests.simulator.shelf import AMD64
from tests.simulator.swarm_port import SwarmSide

if TYPE_CHECKING:
    from swarmnet.model.image_port import RegistryLogin, Tell, Upload


class SimulatedImages(SwarmSide):
    """An ``ImagePort``."""

    def image(self, reference: str) -> Image | None:
        with self._asked("image", reference):
            seen = self._machine.images.found(reference)
            return None if seen is None else seen.model_copy(update={"reference": reference})

    def has_image(self, reference: str) -> bool:
        with self._asked("has_image", reference):
            return self._machine.images.found(reference) is not None

    def load_image(self, archive: bytes | Upload, *, timeout: float = 300.0, tell: Tell | None = None) -> None:
        del timeout, tell
        with self._asked("image.load"):
            data = archive if isinstance(archive, bytes) else b"".join(iter(partial(archive.read, 1 << 16), b""))
            try:
                with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                    for entry in json.loads(_member(tar, "manifest.json")):
                        self._keep(entry.get("RepoTags") or (), _member(tar, entry["Config"]))
            except (tarfile.TarError, KeyError, ValueError) as error:
                raise EngineError(self.host, f"invalid archive: {error}", status=500) from error

    def _keep(self, names: tuple[str, ...], config: bytes) -> None:
        digest, reported = f"sha256:{hashlib.sha256(config).hexdigest()}", json.loads(config)
        for name in names or (digest,):
            self._machine.images[name] = Image(
                reference=name,
                id=digest,
                platform=Platform(os=reported.get("os", ""), architecture=reported.get("architecture", "")),
            )

    def pull_image(
        self, reference: str, *, login: RegistryLogin | None = None, timeout: float = 300.0, tell: Tell | None = None
    ) -> None:
        del timeout, tell
        with self._asked("image.pull", reference):
            self._admit(reference, login)
            offered = self._world.registries.platforms.get(reference, (AMD64,))
            fitting = [one for one in offered if one == AMD64] or list(offered[:1] if len(offered) == 1 else ())
            if not fitting:
                raise NotFoundError(self.host, "no matching manifest for linux/amd64 in the manifest list entries")
            self._machine.images.add(reference, fitting[0])

    def _admit(self, reference: str, login: RegistryLogin | None) -> None:
        asked = self._world.registries.logins.get(registry_of(reference))
        if asked is not None and (login is None or (login.username, login.password.reveal()) != asked):
            raise EngineError(self.host, "unauthorized: authentication required", status=500)
        if reference in self._world.missing_images:
            raise NotFoundError(self.host, f"manifest for {reference} not found", status=404)

    def image_platforms(self, reference: str, *, login: RegistryLogin | None = None) -> tuple[Platform, ...]:
        with self._asked("image.platforms", reference):
            self._admit(reference, login)
            return self._world.registries.platforms.get(reference, (AMD64,))

    def tag_image(self, image_id: str, reference: str) -> None:
        with self._asked("image.tag", reference):
            seen = self._machine.images.found(image_id)
            if seen is None:
                raise NotFoundError(self.host, f"No such image: {image_id}", status=404)
            self._machine.images[reference] = seen.model_copy(update={"reference": reference})

    def remove_image(self, reference: str) -> None:
        with self._asked("image.remove", reference):
            if any(box.image == reference and box.running for box in self._machine.containers.values()):
                message = f"conflict: unable to remove {reference}: image is being used by a running container"
                raise ConflictError(self.host, message, status=409)
            self._machine.images.pop(reference, None)


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()
