"""Configs and secrets as steps, and the names by which services refer to them.

What swarmnet made has a name with a hash of its content, and playbooks call it by its plain name. What others made is
named exactly. Values of secrets are nowhere: a step names where one would come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.operations.content.kinds import is_lock
from swarmnet.operations.content.names import DIGITS, LONGEST_NAME, NAME_LABEL, config_name, written_last
from swarmnet.operations.network.detach import is_note
from swarmnet.operations.written import MARKS, WrittenStep, telling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.service import FileReference, ServiceSpec
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Config, ConfigSpec, SecretSpec, StoredSecret

_SHORT = 2000
"""Bytes of a content that is written into the playbook itself."""
_LINES = 40
_ABOUT_SECRETS = (
    "Engines never return the values of secrets. Those that are there stay as they are; to create one on another swarm,"
    " put its value into the file, or write env or command instead."
)


@dataclass
class Contents:
    """The configs and secrets of a cluster, on their way into a playbook."""

    state: ClusterState
    stem: str
    files: dict[str, bytes] = field(default_factory=dict)
    """Contents by their path next to the playbook; filled by ``steps``."""

    def steps(self) -> Iterator[WrittenStep]:
        """Yield a step for each config and each secret."""
        for config in sorted(self.configs(), key=lambda one: one.spec.name):
            yield self._config(config.spec)
        comments: tuple[str, ...] = (_ABOUT_SECRETS,)
        for secret in sorted(self.state.secrets, key=lambda one: one.spec.name):
            step = self._secret(secret.spec)
            yield WrittenStep(step.operation, step.arguments, comments=comments, muted=step.muted)
            comments = ()

    def configs(self) -> Iterator[Config]:
        """Yield the configs of people: not the lock of a run, not the note of an interrupted replacement."""
        yield from (one for one in self.state.configs if not is_lock(one.spec.name) and not is_note(one))

    def plainly(self, spec: ServiceSpec) -> ServiceSpec:
        """Return a service that refers to what swarmnet made by its plain name."""
        return spec.model_copy(
            update={
                "configs": self._plain("config", spec.configs),
                "secrets": self._plain("secret", spec.secrets),
            }
        )

    def warnings(self) -> Iterator[str]:
        """Yield the secrets whose values are missing."""
        names = ", ".join(sorted(one.spec.name for one in self.state.secrets))
        if names:
            yield f"values of secrets are not in the file, since engines never return them: {names}"

    def _plain(self, kind: str, files: tuple[FileReference, ...] | None) -> tuple[FileReference, ...] | None:
        return files and tuple(
            one.model_copy(update={"source": self._plain_name(kind, one.source) or one.source}) for one in files
        )

    def _plain_name(self, kind: str, name: str) -> str | None:
        """Return what playbooks call an object: the plain name of the one that swarmnet wrote last under it."""
        objects: Iterable[Config | StoredSecret] = self.state.configs if kind == "config" else self.state.secrets
        seen = {one.spec.name: one for one in objects}
        plain = seen[name].spec.labels.get(NAME_LABEL) if name in seen else None
        if plain is None or plain in seen or len(plain) > LONGEST_NAME or name[: -DIGITS - 1] != plain:
            return None
        last = written_last(plain, seen.values())
        return plain if last is not None and last.spec.name == name else None

    def _config(self, spec: ConfigSpec) -> WrittenStep:
        plain = self._plain_name("config", spec.name)
        if plain is None or config_name(plain, spec.data) != spec.name:
            return WrittenStep(
                "config", {"name": spec.name, "from": self._source(spec.name, spec.data), **_exact(spec)}
            )
        return WrittenStep("config", {"name": plain, "from": self._source(plain, spec.data), **_own(spec)})

    def _secret(self, spec: SecretSpec) -> WrittenStep:
        plain = self._plain_name("secret", spec.name)
        source: JsonObject = {"file": f"{self.stem}-secrets/{plain or spec.name}"}
        if plain is not None:  # its name has a hash of the value: only with the value the step is about this object
            return WrittenStep("secret", {"name": plain, "from": source, **_own(spec)}, muted=True)
        return WrittenStep("secret", {"name": spec.name, "from": source, **_exact(spec)})

    def _source(self, name: str, data: bytes) -> JsonObject:
        """Return where a content comes from: the playbook itself for a short text, else a file next to it."""
        text = _text(data)
        if text is not None:
            return {"text": text}
        path = f"{self.stem}-configs/{name}"
        self.files[path] = data
        return {"file": path}


def _text(data: bytes) -> str | None:
    if not 0 < len(data) <= _SHORT or data.count(b"\n") > _LINES:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if text.replace("\n", "").replace("\t", "").isprintable() else None


def _exact(spec: ConfigSpec | SecretSpec) -> JsonObject:
    return {"exact": True, **_own(spec)}


def _own(spec: ConfigSpec | SecretSpec) -> JsonObject:
    """Return labels and parts without a field, less what the step writes by itself."""
    labels: JsonObject = {key: text for key, text in spec.labels.items() if key not in {*MARKS, NAME_LABEL}}
    extra = telling(spec.extra)
    return {**({"labels": labels} if labels else {}), **({"extra": extra} if extra else {})}
