"""A saved plan, and how another plan differs from it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, JsonValue

from swarmnet.errors import SchemaError
from swarmnet.model.redaction import Cover
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.report.documents.plan import ProgramEntry, SavedPlanDocument, plan_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.model.base import JsonObject
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState

FORMAT = 2
"""Of the file: what a digest covers belongs to it, so a plan of another format cannot be compared."""
_TAG = re.compile(r"(\*\*\*) #[0-9a-f]{8}")
_COMPARED = ("sign", "why", "risk", "always")


class _SavedAction(BaseModel):
    kind: str
    sign: str
    target: str
    changes: list[dict[str, JsonValue]]
    sends: dict[str, JsonValue]


class _Saved(BaseModel):
    """The part of the file that is read; people and other programs may read more."""

    schema_: Literal[1] = Field(alias="schema")
    format: int = 1
    cluster: str
    cluster_id: str | None
    salt: str = Field(pattern="^([0-9a-f]{2})*$")
    digest: str
    shows_values: bool
    actions: list[_SavedAction]
    programs: list[dict[str, JsonValue]]


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """The JSON of a plan, as ``plan -o`` writes it."""

    tree: dict[str, Any]

    @classmethod
    def of(cls, plan: Plan, state: ClusterState, cover: Cover, salt: bytes, programs: Sequence[str]) -> SavedPlan:
        """Return a plan to be saved; ``programs`` were run to make it."""
        return cls.hold(saved_document(plan, state, cover, salt, programs))

    @classmethod
    def hold(cls, document: SavedPlanDocument) -> SavedPlan:
        """Return a document as the file holds it: without marked values."""
        return cls(SENSITIVE.masked_json(document.tree))  # type: ignore[arg-type]  # an object stays one

    @classmethod
    def read(cls, content: bytes) -> SavedPlan:
        """Return a saved plan.

        Raises:
            ValueError: it is not a saved plan.
            SchemaError: another version of swarmnet saved it.
        """
        _Saved.model_validate_json(content)
        tree: dict[str, Any] = json.loads(content)
        if tree.get("format") != FORMAT:
            raise SchemaError(
                f"another version saved the plan: it has format {tree.get('format', 1)}, this version reads {FORMAT}",
                hint="make the plan again: swarmnet plan PLAYBOOK -i INVENTORY -o FILE",
            )
        return cls(tree)

    @property
    def text(self) -> str:
        """The file's text."""
        return json.dumps(self.tree, indent=2) + "\n"

    def unknown(self, programs: Sequence[str]) -> tuple[str, ...]:
        """Return those of some programs that were not run to make the plan."""
        ran = [one.get("digest") for one in self.tree["programs"]]
        return tuple(one for one in programs if _digest(one, self._salt) not in ran)

    @property
    def _salt(self) -> bytes:
        return bytes.fromhex(self.tree["salt"])

    def differences(self, plan: Plan, state: ClusterState) -> tuple[str, ...]:
        """Return how a plan differs from the saved one, in words; empty when it is the same."""
        now = SavedPlan.of(plan, state, Cover(shows=self.tree["shows_values"]), self._salt, ())
        saved, other = _bare(self.tree), _bare(now.tree)
        keys = ("cluster", "cluster_id", "actions", "digest")
        if all(saved.get(key) == other[key] for key in keys):
            return ()
        return tuple(_differences(saved, other)) or ("the order of the actions, or a value in the file, differs",)


def saved_document(
    plan: Plan, state: ClusterState, cover: Cover, salt: bytes, programs: Sequence[str]
) -> SavedPlanDocument:
    """Return a plan for programs; ``programs`` were run to make it."""
    return SavedPlanDocument(
        **dict(plan_body(plan, state, cover, salt)),
        format=FORMAT,
        shows_values=cover.shows,
        programs=[ProgramEntry(program=one, digest=_digest(one, salt)) for one in programs],
    )


def _digest(program: str, salt: bytes) -> str:
    """Return the digest of a program that ran; its words may be masked in the file."""
    return hashlib.scrypt(program.encode(errors="surrogatepass"), salt=salt, n=2**11, r=8, p=1, dklen=32).hex()


def _bare(tree: JsonObject) -> dict[str, Any]:
    """Return a saved plan without the tags of hidden values, which are new in each run; digests compare the values."""
    bare: dict[str, Any] = json.loads(_TAG.sub(r"\1", json.dumps(tree)))
    return bare


def _differences(saved: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    if (saved["cluster"], saved.get("cluster_id")) != (now["cluster"], now["cluster_id"]):
        yield f"it is for {_cluster(saved)}, and this is {_cluster(now)}"
    before, after = _by_target(saved), _by_target(now)
    for key in dict.fromkeys((*before, *after)):
        if key not in after:
            yield f"no longer planned: {_named(before[key])}"
        elif key not in before:
            yield f"not in the saved plan: {_named(after[key])}"
        elif before[key] != after[key]:
            yield f"{_named(after[key])}: {_fields(before[key], after[key])} differ"


def _cluster(tree: dict[str, Any]) -> str:
    swarm = tree.get("cluster_id")
    return f"cluster {tree['cluster']}, " + (f"swarm {swarm}" if swarm else "without a swarm so far")


def _by_target(tree: dict[str, Any]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Return actions by kind and target; the same command twice on one host is two."""
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for action in tree["actions"]:
        kind, target = str(action.get("kind")), str(action["target"])
        number = sum((kind, target) == known[:2] for known in found)
        found[kind, target, number] = action
    return found


def _named(action: dict[str, Any]) -> str:
    return f"{action.get('sign')} {action['target']}"


def _fields(before: dict[str, Any], after: dict[str, Any]) -> str:
    was, now = ({one.get("path"): one for one in action.get("changes", [])} for action in (before, after))
    names = [word for word in _COMPARED if before.get(word) != after.get(word)]
    names += [str(path) for path in dict.fromkeys((*was, *now)) if was.get(path) != now.get(path)]
    if not names:
        sends = before.get("sends") or {}
        names = [str(word) for word in after["sends"] if sends.get(word) != after["sends"][word]]
    return ", ".join(names) or "values that are not shown"
