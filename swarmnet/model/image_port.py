"""What the logic needs of images: those of one engine, and archives of them on the operator's machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from swarmnet.model.base import Secret
    from swarmnet.model.host_image import ArchivedImage, ArchiveFile, Image
    from swarmnet.model.placement_codecs import Platform

    Tell = Callable[[str], None]
    """Hears a line of progress."""


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """Who asks a registry for an image."""

    username: str
    password: Secret


class Upload(Protocol):
    """Bytes of known number that are read as they are sent."""

    def __len__(self) -> int:
        """Return how many there are in all."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next ones, at most ``size``; none at the end."""


class ImagePort(Protocol):
    """The images of one engine."""

    def image(self, reference: str) -> Image | None:
        """Return an image by its name or id; None where the host has none."""

    def has_image(self, reference: str) -> bool:
        """Return whether the image is on this host."""

    def load_image(self, archive: bytes | Upload, *, timeout: float = 600.0, tell: Tell | None = None) -> None:
        """Load an image archive (``docker save`` format); ``tell`` hears how much of it is sent."""

    def pull_image(
        self, reference: str, *, login: RegistryLogin | None = None, timeout: float = 600.0, tell: Tell | None = None
    ) -> None:
        """Fetch an image from its registry within ``timeout`` seconds.

        Raises:
            NotFoundError: the registry has no such image, or hides it from those without a login.
            EngineError: the registry refuses the login, does not answer, or is not trusted.
        """

    def image_platforms(self, reference: str, *, login: RegistryLogin | None = None) -> tuple[Platform, ...]:
        """Return what the image in its registry runs on; raises ``EngineError`` where the registry does not say."""

    def tag_image(self, image_id: str, reference: str) -> None:
        """Give an image (id) one more name, which another image of that name loses."""

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that does not exist is not an error."""


class ImageFiles(Protocol):
    """Image archives on the operator's machine."""

    def open(self, archive: ArchiveFile, image: ArchivedImage, name: str) -> AbstractContextManager[Upload]:
        """Return a context with an archive's bytes in a form from which every engine loads one image of it.

        ``name`` is what the image is called where the archive has a form without names.

        Raises:
            UsageError: the file cannot be read, or is not the one that was described.
        """
