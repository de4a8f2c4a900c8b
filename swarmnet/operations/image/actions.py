"""Bring an image to a host: from its registry, or from an archive on the operator's machine; and remove one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import ConfigDict, Field

from swarmnet.errors import ConflictError, ConvergenceError, EngineError
from swarmnet.model.base import Secret
from swarmnet.model.host_image import ArchivedImage, ArchiveFile, Image, fits, go_word
from swarmnet.model.image_port import RegistryLogin
from swarmnet.model.plan import Action, Rank, Risk, Sign
from swarmnet.model.ports import progress
from swarmnet.operations.state_edits import with_image, without_image

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.image_port import ImagePort
    from swarmnet.model.placement_codecs import Platform
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState


class _Bring(Action):
    host: str
    name: str
    timeout: float

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Rank] = Rank.CONTENT

    def _tell(self, ports: Ports, text: str) -> None:
        progress(ports)(f"image {self.name} to {self.host}: {text}")


class PullImage(_Bring):
    """Have one host fetch an image from its registry."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kind: Literal["image.pull"] = "image.pull"
    username: str = ""
    """Empty asks the registry without a login."""
    password: Secret | None = Field(default=None, exclude=True, repr=False)
    """Never part of a stored plan."""

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state in which the host has it."""
        return with_image(state, Image(reference=self.name), self.host)

    def run(self, ports: Ports) -> None:
        """Fetch it. What runs on other processors than the host's goes again.

        Raises:
            NotFoundError: its registry does not have it.
            ConvergenceError: it is for another architecture.
            EngineError: the registry refuses the login or does not answer, or the disk is full.
        """
        engine = ports.engine(self.host)
        login = None if self.password is None else RegistryLogin(self.username, self.password)
        try:
            engine.pull_image(self.name, login=login, timeout=self.timeout, tell=partial(self._tell, ports))
        except EngineError:
            self._check(_offered(engine, self.name, login), ports)
            raise
        seen = engine.image(self.name)
        if seen is None:
            raise ConvergenceError(f"{self.host} fetched image {self.name}, and does not have it", hint="plan again")
        try:
            self._check((seen.platform,), ports)
        except ConvergenceError:
            engine.remove_image(self.name)
            raise

    def _check(self, platforms: tuple[Platform, ...], ports: Ports) -> None:
        machine = ports.engine(self.host).facts().architecture
        if platforms and not any(fits(one, machine) for one in platforms):
            raise ConvergenceError(
                unfit(self.name, platforms, self.host, machine),
                hint="push one that is for both, or select hosts with 'on'",
            )


def _offered(engine: ImagePort, name: str, login: RegistryLogin | None) -> tuple[Platform, ...]:
    """Return what a registry has of an image that could not be fetched, as far as it says so."""
    try:
        return engine.image_platforms(name, login=login)
    except EngineError:
        return ()


def unfit(name: str, platforms: Iterable[Platform], host: str, machine: str) -> str:
    """Return the sentence about an image that does not run on a host."""
    offered = ", ".join(sorted({f"{one.os}/{one.architecture}" for one in platforms}))
    return f"image {name} is for {offered}, and {host} is linux/{go_word(machine)}"


class LoadImage(_Bring):
    """Send an archive's image to one host."""

    kind: Literal["image.load"] = "image.load"
    file: ArchiveFile
    held: ArchivedImage
    digest: str
    """Of the image's configuration."""
    source: str
    """The archive's path, as it is shown."""

    named: ClassVar[frozenset[str]] = frozenset({"host", "name", "file", "held"})

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state in which the host has it."""
        return with_image(state, self.held.on(self.name), self.host)

    def run(self, ports: Ports) -> None:
        """Send it, and give it its name where the archive does not.

        Raises:
            UsageError: the archive is not the one that was planned with.
            ConvergenceError: the host has another image of that name afterwards.
            EngineError: the engine refuses the archive, or its disk is full.
        """
        engine = ports.engine(self.host)
        with ports.image_files.open(self.file, self.held, self.name) as upload:
            engine.load_image(upload, timeout=self.timeout, tell=partial(self._tell, ports))
        if self._is_there(engine):
            return
        known = (self.held.config, *self.held.manifests)
        found = next((one for one in known if engine.has_image(one)), None)
        if found is not None:
            engine.tag_image(found, self.name)
        if not self._is_there(engine):
            raise ConvergenceError(
                f"{self.host} took {self.source}, and image {self.name} is not the one in it",
                hint=f"save the image by its name: docker save -o FILE.tar {self.name}",
            )

    def _is_there(self, engine: ImagePort) -> bool:
        seen = engine.image(self.name)
        return seen is not None and self.held.is_in(seen)


class RemoveImage(Action):
    """Remove an image's name from one host, and the image with its last name."""

    kind: Literal["image.remove"] = "image.remove"
    host: str
    name: str

    risk: Risk = Risk.DISRUPTIVE
    sign: ClassVar[Sign] = Sign.REMOVE
    stage: ClassVar[Rank] = Rank.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state without it."""
        return without_image(state, self.name, self.host)

    def run(self, ports: Ports) -> None:
        """Remove it.

        Raises:
            ConflictError: a container uses it.
        """
        try:
            ports.engine(self.host).remove_image(self.name)
        except ConflictError as error:
            hint = "remove the containers that use it before, stopped ones, too: docker ps -a"
            raise ConflictError(self.host, error.message, status=error.status, hint=hint) from error
