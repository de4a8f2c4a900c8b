"""``image``: an image on every selected host, before services and containers need it.

A host that has it is left alone. From a registry that is a host with an image of that name: a tag that moved there is
not asked for again. From an archive it is a host with the very image of the archive, compared by its digest.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, PrivateAttr

from swarmnet.model.base import Document, Flag, Secret
from swarmnet.model.find import of_host
from swarmnet.model.host_image import ImageArchive, fits
from swarmnet.model.image import fault_of_image, whole_name
from swarmnet.model.plural import count
from swarmnet.model.ref import Ref
from swarmnet.operations.content.source import ContentSource
from swarmnet.operations.image.actions import LoadImage, PullImage, RemoveImage, unfit
from swarmnet.operations.kind import Context, Operation
from swarmnet.operations.notation import Duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.host_image import ArchivedImage, Image
    from swarmnet.model.hosts import Host
    from swarmnet.model.plan import Action
    from swarmnet.model.state import HostFacts

_LIMIT = 600.0
_SLOWEST = 256 * 1024
"""Bytes a second of the slowest line that an archive is sent over without a limit of its own."""


def _reference(value: str) -> str:
    fault = fault_of_image(value)
    if fault is not None:
        raise ValueError(fault)
    return value


class Login(Document):
    """Who asks the registry."""

    username: Annotated[str, Field(min_length=1)]
    """Name of the user, or what the registry takes for one with a token."""
    password: ContentSource
    """Where the password or token comes from, on this machine: {env: NAME}, {file: PATH} or {command: [...]}."""


class ImageOperation(Operation):
    """An image on every selected host, from its registry or from an archive on this machine."""

    name_in_playbook: ClassVar[str] = "image"
    summary: ClassVar[str] = "An image on every selected host, from its registry or from an archive on this machine."

    name: Annotated[str, AfterValidator(_reference)]
    """registry/name:tag or name@sha256:digest; a host that has it keeps the one that it has."""
    archive: Annotated[str, Field(min_length=1)] | None = None
    """File of `docker save`, or an OCI layout in a tar file, that is sent to hosts whose image is not the one in it."""
    login: Login | None = None
    """User of the registry; engines do not keep the password."""
    absent: Flag = False
    """True removes the image's name, and the image with its last name."""
    timeout: Annotated[Duration, Field(gt=0)] | None = None
    """Seconds for one host; left out, 10 minutes, and for an archive a second more for each 256 KiB."""
    _described: ImageArchive | None = PrivateAttr(default=None)
    _password: Secret | None = PrivateAttr(default=None)
    _missing: str = PrivateAttr(default="")

    def images(self) -> frozenset[str]:
        """Return the image's name."""
        return frozenset({self.name})

    def faults(self) -> tuple[str, ...]:
        """Return keys that do not go together."""
        return tuple(self._faults())

    def _faults(self) -> Iterator[str]:
        others = sorted(self.model_fields_set - {"name", "absent"})
        if self.absent and others:
            yield f"'absent: true' removes the image: leave out {', '.join(others)}"
        if self.archive is not None and self.login is not None:
            yield "an archive needs no registry: leave out archive or login"
        if self.archive is not None and "@" in self.name:
            yield "an image of an archive has no digest of a registry: write name:tag"
        if self.login is not None and self.login.password.text is not None:
            hint = "write 'password: {env: VARIABLE}', file or command"
            yield f"the password of {self.login.username} is in the playbook: {hint}"

    def unread(self) -> ContentSource | None:
        """Return where the password comes from, or None once it is read, or known to be missing."""
        return None if self.login is None or self._password is not None or self._missing else self.login.password

    def read(self, content: bytes) -> Self:
        """Return the step with its password, less the line break that files and commands end with."""
        step = self.model_copy()
        step._password = Secret(content.rstrip(b"\r\n"))  # noqa: SLF001 - of the copy
        return step

    def unreadable(self, why: str) -> Self:
        """Return the step without its password, which hosts that have the image need not know."""
        step = self.model_copy()
        step._missing = why  # noqa: SLF001 - of the copy
        return step

    def placed(self, folder: str) -> Self:
        """Return the step with its archive's path resolved."""
        return (
            self if self.archive is None else self.model_copy(update={"archive": str(PurePath(folder, self.archive))})
        )

    def image_archive(self) -> str | None:
        """Return the archive's path."""
        return self.archive

    def described(self, archive: ImageArchive) -> Self:
        """Return the step with what its archive holds."""
        step = self.model_copy()
        step._described = archive  # noqa: SLF001 - of the copy
        return step

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what prevents the image from being on each host."""
        if self.absent:
            return ()
        if self.archive is not None:
            return tuple(self._archive_problems(context))
        return tuple(text for facts in self._places(context) for text in self._registry_problems(facts))

    def concerns(self, context: Context) -> tuple[Host, ...]:
        """Return the selected hosts."""
        return context.hosts

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what brings the image to each host that lacks it, or removes it."""
        return tuple(
            action for facts in self._places(context) if (action := self._on(facts, self._seen(facts))) is not None
        )

    def _on(self, facts: HostFacts, seen: Image | None) -> Action | None:
        ref = Ref(kind="image", name=self.name, host=facts.host)
        if self.absent:
            why = "its step says 'absent: true'"
            return None if seen is None else RemoveImage(object=ref, why=why, host=facts.host, name=self.name)
        if self._described is not None:
            return self._load(ref, facts, seen, self._described)
        if seen is not None:
            return None
        return PullImage(
            object=ref,
            why="the host does not have it",
            host=facts.host,
            name=self.name,
            username="" if self.login is None else self.login.username,
            password=self._password,
            timeout=self.timeout or _LIMIT,
        )

    def _load(self, ref: Ref, facts: HostFacts, seen: Image | None, archive: ImageArchive) -> Action | None:
        image = next((one for one in self._meant(archive) if fits(one.platform, facts.engine.architecture)), None)
        if image is None or (seen is not None and image.is_in(seen)):
            return None
        return LoadImage(
            object=ref,
            why="the host does not have it" if seen is None else "the host has another image of that name",
            host=facts.host,
            name=self.name,
            file=archive.file,
            held=image,
            digest=image.config,
            source=archive.file.path,
            timeout=self.timeout or _LIMIT + archive.file.size // _SLOWEST,
        )

    def _meant(self, archive: ImageArchive) -> tuple[ArchivedImage, ...]:
        """Return the images of that name, one a platform; where no image has a name, all that could be meant."""
        whole = whole_name(self.name)
        called = tuple(one for one in archive.images if whole in map(whole_name, one.names))
        nameless = len({str(one.platform) for one in archive.images}) == len(archive.images)
        return called or (archive.images if nameless and not any(one.names for one in archive.images) else ())

    def _archive_problems(self, context: Context) -> Iterator[str]:
        archive = self._described
        if archive is None:
            yield f"archive {self.archive} was not read"
            return
        meant = self._meant(archive)
        if not meant:
            names = ", ".join(dict.fromkeys(name for one in archive.images for name in one.names))
            held = names or f"{count(len(archive.images), 'image')} without a name"
            yield f"{archive.file.path} holds {held}, not {self.name}: write its name, or save {self.name}"
            return
        for facts in self._places(context):
            machine = facts.engine.architecture
            if not any(fits(one.platform, machine) for one in meant):
                said = unfit(
                    f"{self.name} of {archive.file.path}", (one.platform for one in meant), facts.host, machine
                )
                yield f"{said}: save it for that platform, or select other hosts with 'on'"

    def _registry_problems(self, facts: HostFacts) -> Iterator[str]:
        seen, machine = self._seen(facts), facts.engine.architecture
        if seen is None and self._missing:
            yield f"{facts.host} does not have image {self.name}, and the password is missing: {self._missing}"
        elif seen is not None and not fits(seen.platform, machine):
            said = unfit(f"{self.name} that the host has", (seen.platform,), facts.host, machine)
            yield f"{said}: remove it (docker rmi {self.name}), or select other hosts with 'on'"

    def _places(self, context: Context) -> Iterator[HostFacts]:
        for host in context.hosts:
            facts = of_host(context.state.hosts, host.name)
            if facts is not None and facts.images is not None:
                yield facts

    def _seen(self, facts: HostFacts) -> Image | None:
        return next((one for one in facts.images or () if one.reference == self.name), None)
