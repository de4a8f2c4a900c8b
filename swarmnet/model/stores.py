"""The objects of one kind on one engine or in one swarm, as every kind is listed, created and removed.

``AnyStore`` (``swarmnet.workflows.fleet``) and the simulator implement them once for all kinds; an engine has one class
a kind, since each has a form of its own on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from swarmnet.model.service import Service, ServiceSpec
from swarmnet.model.swarm import Node
from swarmnet.model.volume import Volume, VolumeSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.base import Labels
    from swarmnet.model.endpoint import EndpointSpec
    from swarmnet.model.plain_container import Made, PlainContainer
    from swarmnet.model.swarm import NodeSpec

R_co = TypeVar("R_co", covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)


class Listing(Protocol[R_co]):
    """Objects that can be listed."""

    def list(self) -> tuple[R_co, ...]:
        """Return all of them."""


class Store(Listing[R_co], Protocol[R_co, S_contra]):
    """Objects of one kind."""

    def create(self, spec: S_contra) -> str:
        """Create an object and return its id.

        Raises:
            ConflictError: the name is in use; so a creation is a test-and-set.
        """

    def remove(self, object_id: str) -> None:
        """Remove an object.

        Raises:
            NotFoundError: it is gone.
            ConflictError: something uses it.
        """


class ContentStore(Store[R_co, S_contra], Protocol[R_co, S_contra]):
    """Configs or secrets: only their labels can change."""

    def update_labels(self, object_id: str, version: int, labels: Labels) -> None:
        """Replace the labels.

        Raises:
            StateChangedError: the object is no longer at ``version``.
        """


class ServiceStore(Store[Service, ServiceSpec], Protocol):
    """Services; network, config and secret names in their specs must exist."""

    def update(self, object_id: str, version: int, spec: ServiceSpec, *, whole: bool = False) -> None:
        """Merge the managed fields into the present spec, ForceUpdate and unknown parts included, and write the result.

        ``whole`` writes ``spec`` as it is: what it leaves out is removed.
        """


class NodeStore(Listing[Node], Protocol):
    """Nodes of a swarm, which hosts join by themselves."""

    def update(self, object_id: str, version: int, spec: NodeSpec) -> None:
        """Merge the managed fields into the present ones; ``labels`` replace all labels."""

    def remove(self, object_id: str, *, force: bool = False) -> None:
        """Remove a node that is down from the list; ``force`` removes any worker."""


class VolumeStore(Store[Volume, VolumeSpec], Protocol):
    """The named volumes of one engine; removing one removes its data."""

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each volume that the engine can count, by name.

        It reads all files of all volumes: seconds to minutes.
        """


class PlainStore(Protocol):
    """Containers outside of services, found by name or id."""

    def made(self, container: str) -> Made | None:
        """Return how a container was made; None where there is none."""

    def create(self, name: str, spec: PlainContainer, endpoints: Sequence[EndpointSpec]) -> str:
        """Create a container that does not run yet, on its networks, and return its id.

        Raises:
            ConflictError: the name is in use.
            NotFoundError: the host has no such image.
        """

    def update(self, container: str, spec: PlainContainer) -> None:
        """Change the limits and the restart rule that ``spec`` names, in place; engines take no limit away."""

    def rename(self, container: str, name: str) -> None:
        """Give a container another name."""

    def start(self, container: str, limit: float = 60.0) -> None:
        """Start a container within ``limit`` seconds; one that runs is left as it is.

        Raises:
            NotAttachedError: the managers did not attach it to a network in time.
            NotFoundError: it is gone, or its node does not find one of its networks.
        """

    def stop(self, container: str, grace: float | None) -> None:
        """Stop a container, and kill it after ``grace`` seconds; one that does not run is left as it is.

        None never kills it. A wait that ends too early (``EngineTimeoutError``) leaves it stopping.
        """

    def remove(self, container: str) -> None:
        """Remove a container, running or not, and none of its volumes; one that does not exist is not an error."""
