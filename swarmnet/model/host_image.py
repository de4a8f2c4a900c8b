"""Images: those that hosts have, and those in archives on the operator's machine, with what identifies them."""

from __future__ import annotations

from swarmnet.model.base import Document
from swarmnet.model.placement_codecs import Platform

GO_WORDS = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i686": "386",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}
"""What ``uname -m``, and so ``docker info``, says to what images say."""
_ALSO = {"amd64": ("386",), "arm64": ("arm",)}
"""What a processor runs besides its own (containerd, ``platforms.Only``)."""


def fits(platform: Platform, machine: str) -> bool:
    """Return whether a Linux host runs images of a platform; what either does not say prevents nothing.

    Args:
        platform: of the image.
        machine: the host's architecture, as its engine says it: ``x86_64``.
    """
    own = go_word(machine)
    return platform.os in ("", "linux") and (not own or platform.architecture in ("", own, *_ALSO.get(own, ())))


def go_word(machine: str) -> str:
    """Return an architecture in Go's words: ``amd64`` for ``x86_64``."""
    return GO_WORDS.get(machine, machine)


class Image(Document):
    """An image that a host has."""

    reference: str
    """What it was asked for by."""
    id: str = ""
    """The digest of its configuration, or of its manifest where containerd keeps the images; empty: not known yet."""
    platform: Platform = Platform()
    layers: tuple[str, ...] = ()
    """Digests of its layers, unpacked."""
    created: str = ""


class ArchivedImage(Document):
    """One image of an archive."""

    names: tuple[str, ...] = ()
    """``name:tag`` each."""
    config: str
    """The digest of its configuration."""
    manifests: tuple[str, ...] = ()
    """The digests of its manifest and of the lists that name it, as far as the archive has them."""
    platform: Platform = Platform()
    layers: tuple[str, ...] = ()
    """Digests of its layers, unpacked."""
    blobs: tuple[str, ...] = ()
    """Paths of its layers in the archive."""
    created: str = ""

    def is_in(self, seen: Image) -> bool:
        """Return whether a host's image is this one.

        Containerd names an image by a manifest of its own where the archive has none: layers and time decide then.
        """
        if seen.id in (self.config, *self.manifests):
            return True
        return bool(self.layers and self.created) and (seen.layers, seen.created) == (self.layers, self.created)

    def on(self, reference: str) -> Image:
        """Return it as a host has it after loading."""
        return Image(
            reference=reference, id=self.config, platform=self.platform, layers=self.layers, created=self.created
        )


class ArchiveFile(Document):
    """A file of ``docker save``, or an OCI layout in a tar file."""

    path: str
    size: int
    """Bytes."""
    needs_manifest: bool = False
    """True for an OCI layout without ``manifest.json``, which engines read only where containerd keeps the images."""


class ImageArchive(Document):
    """Such a file with what it holds."""

    file: ArchiveFile
    images: tuple[ArchivedImage, ...]
