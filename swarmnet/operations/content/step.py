"""What ``config`` and ``secret`` share: a plain name, a source of content, and the name of the object."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr

from swarmnet.model.base import Flag, JsonObject, Labels, Secret
from swarmnet.model.ref import Ref
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.operations.content.actions import LabelContent, WriteAgain
from swarmnet.operations.content.names import LONGEST_NAME, NAME_LABEL, ObjectName, faults_of_content, written_last
from swarmnet.operations.content.source import ContentSource
from swarmnet.operations.kind import Operation
from swarmnet.operations.labels import changed_labels, faults_of_labels
from swarmnet.operations.notation import Texts, Words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.plan import Action
    from swarmnet.model.swarm import Config, StoredSecret
    from swarmnet.operations.kind import Context


class ContentStep(Operation):
    """An object that is named after its content, which services refer to by its plain name."""

    content_kind: ClassVar[Literal["config", "secret"]]

    name: ObjectName
    """The plain name that services refer to; the object's own name ends with a hash of the content."""
    source: ContentSource = Field(alias="from")
    """Where the content comes from: a file, an environment variable, a command, or text."""
    exact: Flag = False
    """True names the object exactly so, without a hash, as `docker` does; one that is there is taken as it is."""
    labels: Texts = Field(default_factory=dict)
    """Labels of the object; others that it has stay."""
    remove_labels: Words = ()
    """Names of labels that the object does not have."""
    extra: JsonObject = Field(default_factory=dict)
    """Parts of the engine's spec without a field here, in the engine's own JSON, set when it is created."""
    _content: Secret | None = PrivateAttr(default=None)
    _object: str = PrivateAttr(default="")

    @abstractmethod
    def hashed(self, content: bytes) -> str:
        """Return the name of the object with this content. Called once: the hash of secrets is slow on purpose."""

    @property
    def content(self) -> Secret:
        """The content, empty until it is read."""
        return Secret(b"") if self._content is None else self._content

    def unread(self) -> ContentSource | None:
        """Return where the content comes from, or None once it is read."""
        return self.source if self._content is None else None

    def read(self, content: bytes) -> Self:
        """Return the step with its content."""
        SENSITIVE.mark(content, lines=self.content_kind == "secret")
        step = self.model_copy()
        step._content = Secret(content)  # noqa: SLF001 - of the copy
        step._object = self.name if self.exact else self.hashed(content)  # noqa: SLF001 - as above
        return step

    def faults(self) -> tuple[str, ...]:
        """Return a name that leaves no room for the hash, and labels that are both set and removed."""
        faults = tuple(faults_of_labels(self.labels, self.remove_labels))
        if self.exact or len(self.name) <= LONGEST_NAME:
            return faults
        long = f"{self.content_kind} {self.name}: a hash follows the name, which has room for {LONGEST_NAME} characters"
        return (long, *faults)

    def made_labels(self, context: Context) -> Labels:
        """Return the labels of the object that the step creates."""
        return context.marked(self.labels | ({} if self.exact else {NAME_LABEL: self.name}))

    def objects(self) -> dict[tuple[str, str], str]:
        """Return the plain name to the hashed one."""
        return {(self.content_kind, self.name): self._object} if self._object else {}

    def provides(self) -> frozenset[tuple[str, str]]:
        """Return the object by its plain and its hashed name."""
        names = {self.name, *self.objects().values()}
        return frozenset((self.content_kind, name) for name in names)

    def kept(self, seen: Config | StoredSecret, among: Iterable[Config | StoredSecret]) -> tuple[Action, ...]:
        """Return what gives an existing object its labels and makes it the one written last of its plain name."""
        name = seen.spec.name
        target = Ref(kind=self.content_kind, name=name)
        changes = changed_labels(seen.spec.labels, self.labels, self.remove_labels)
        if changes:  # such a write makes it the last one, too
            return (
                LabelContent(
                    object=target,
                    why="its labels differ",
                    changes=changes,
                    content=self.content_kind,
                    name=name,
                    labels=self.labels,
                    remove_labels=self.remove_labels,
                ),
            )
        last = None if self.exact else written_last(self.name, among)
        if last is None or last.spec.name == name:
            return ()
        why = f"{last.spec.name} was written after it: services of other playbooks would use that one"
        return (WriteAgain(object=target, why=why, content=self.content_kind, name=name),)

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what makes engines refuse the content."""
        return faults_of_content(self.content_kind, self.name, self.content.reveal(), context)
