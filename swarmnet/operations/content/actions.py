"""Writes to configs and secrets that exist: engines can change their labels, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from swarmnet.model.base import Labels
from swarmnet.model.plan import Action, Rank
from swarmnet.model.swarm import Config, StoredSecret
from swarmnet.operations.service.converge import again_when_changed
from swarmnet.operations.state_edits import next_version

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

Content = TypeVar("Content", Config, StoredSecret)


class WriteAgain(Action):
    """Write a config or secret again, unchanged, so that its version is the newest of its plain name.

    Services of other playbooks use the plain name and get the object that was written last.
    """

    kind: Literal["content.write-again"] = "content.write-again"
    content: Literal["config", "secret"]
    name: str
    """The object's own name."""

    stage: ClassVar[Rank] = Rank.CONTENT

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state in which the object has the newest version."""
        renewed = {"version": next_version(state)}

        def written(kind: str, name: str) -> bool:
            return (kind, name) == (self.content, self.name)

        configs = (one.model_copy(update=renewed) if written("config", one.spec.name) else one for one in state.configs)
        secrets = (one.model_copy(update=renewed) if written("secret", one.spec.name) else one for one in state.secrets)
        return state.model_copy(update={"configs": tuple(configs), "secrets": tuple(secrets)})

    def run(self, ports: Ports) -> None:
        """Write it. If it was removed meanwhile, nothing happens, and the next plan creates it again."""
        again_when_changed(lambda: self._write(ports))

    def _write(self, ports: Ports) -> None:
        manager = ports.manager()
        if self.content == "config":
            for one in manager.configs.list():
                if one.spec.name == self.name:
                    manager.configs.update_labels(one.id, one.version, self._labels(one.spec.labels))
        else:
            for stored in manager.secrets.list():
                if stored.spec.name == self.name:
                    manager.secrets.update_labels(stored.id, stored.version, self._labels(stored.spec.labels))

    def _labels(self, seen: Labels) -> Labels:
        return seen


class LabelContent(WriteAgain):
    """Change labels of a config or secret, which also makes it the newest of its plain name."""

    kind: Literal["content.label"] = "content.label"  # type: ignore[assignment]
    labels: Labels
    """Laid over the present ones."""
    remove_labels: tuple[str, ...] = ()

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the labels changed."""
        written = super().predict(state)
        configs = (
            self._labelled(one) if self.content == "config" and one.spec.name == self.name else one
            for one in written.configs
        )
        secrets = (
            self._labelled(one) if self.content == "secret" and one.spec.name == self.name else one
            for one in written.secrets
        )
        return written.model_copy(update={"configs": tuple(configs), "secrets": tuple(secrets)})

    def _labelled(self, one: Content) -> Content:
        spec = one.spec.model_copy(update={"labels": self._labels(one.spec.labels)})
        return one.model_copy(update={"spec": spec})

    def _labels(self, seen: Labels) -> Labels:
        return {name: text for name, text in seen.items() if name not in self.remove_labels} | dict(self.labels)
