"""The named volumes of one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.edge.engine.calls import EnginePart, Request, quoted
from swarmnet.edge.engine.client import AnswerError
from swarmnet.edge.engine.wire.parts import as_list, as_object
from swarmnet.edge.engine.wire.volume import size_from_wire, volume_from_wire, volume_to_wire

if TYPE_CHECKING:
    from swarmnet.model.volume import Volume, VolumeSpec


COUNTING_LIMIT = 300.0
"""Seconds for an engine to count all files of its volumes; one before 23 counts images and containers, too."""
_SAYS_VOLUMES = "1.51"
"""Later versions say it in another form (moby, API 1.52)."""


class VolumeStore(EnginePart):
    """The named volumes of one engine, without anonymous ones and cluster volumes."""

    word: ClassVar[str] = "volumes"

    def list(self) -> tuple[Volume, ...]:
        """Return all named volumes; the list is inside an object, unlike that of other kinds."""
        what = "list volumes"
        seen = as_object(self._calls.send(Request(what, "GET", "/volumes"))).get("Volumes")
        with self._calls.asking(what):
            if seen is not None and not isinstance(seen, list):
                raise AnswerError("it is not a list")
            found = (volume_from_wire(as_object(one)) for one in seen or ())
            return tuple(sorted((one for one in found if one is not None), key=lambda one: one.id))

    def create(self, spec: VolumeSpec) -> str:
        """Create a volume and return its name.

        One that is there with the same driver is taken as it is, without an error (seen on 20.10, 26.1 and 28.5).
        """
        body = volume_to_wire(spec)
        return self._calls.made(Request(f"create volume {spec.name}", "POST", "/volumes/create", body), "Name")

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each volume; those that no engine counts, such as a plugin's, are left out."""
        request = Request(
            "count the sizes of volumes",
            "GET",
            "/system/df",
            params={"type": "volume"},
            timeout=COUNTING_LIMIT,
            newest=_SAYS_VOLUMES,
        )
        seen = as_object(self._calls.send(request)).get("Volumes")
        return dict(filter(None, (size_from_wire(as_object(one)) for one in as_list(seen))))

    def remove(self, object_id: str) -> None:
        """Remove a volume and its data; raises ``ConflictError`` while a container uses it."""
        self._calls.send(Request(f"remove volume {object_id}", "DELETE", f"/volumes/{quoted(object_id)}"))
