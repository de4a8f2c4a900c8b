"""The JSON documents of a plan: of ``plan``, of ``plan -o`` and of ``restore plan``."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from swarmnet.model.redaction import Cover
from swarmnet.model.shown import action_digest, sent, shown
from swarmnet.report.documents.base import (
    ChangeEntry,
    Entry,
    FailureEntry,
    JsonValue,
    Output,
    Text,
    change_entry,
    failure_entries,
)
from swarmnet.report.documents.lock import LockEntry
from swarmnet.report.documents.restore import BackupName, LossEntry, SkipEntry, SupplyEntry

if TYPE_CHECKING:
    from swarmnet.model.plan import Action, Plan
    from swarmnet.model.state import ClusterState


class ActionEntry(Entry):
    """One change that a plan makes."""

    sign: Literal["+", "~", "-", "!"] = Field(description="+ creates, ~ changes, - removes, ! runs.")
    kind: str = Field(description="For example network.create.")
    target: str = Field(description="The object, for people: network front.")
    why: str
    risk: Literal["safe", "disruptive", "destructive"]
    always: bool = Field(description="True for a command that runs every time.")
    changes: list[ChangeEntry]
    sends: dict[str, JsonValue] = Field(description="What is sent, with hidden values.")
    digest: str = Field(description="Over all that is sent, hidden values included; salted.")


class ProgramEntry(Entry):
    """A program that planning ran."""

    program: str
    digest: str


class PlanBody(Output):
    """What all documents of plans hold."""

    cluster: str
    cluster_id: str | None = Field(description="The swarm's id; null before there is a swarm.")
    origin: str | None = Field(description="Of a restore, which backup.")
    actions: list[ActionEntry]
    warnings: list[str]
    worst_risk: Literal["safe", "disruptive", "destructive"]
    failures: list[FailureEntry]
    salt: str = Field(description="Of the digests, in hexadecimal.")
    digest: str = Field(description="Over the cluster and all that the actions send.")


class SavedPlanDocument(PlanBody):
    """What ``plan -o FILE`` writes and ``apply --plan FILE`` reads."""

    format: int = Field(description="Of the saved plan: `apply --plan` refuses one of another version.")
    shows_values: bool
    programs: list[ProgramEntry]


class PlanDocument(SavedPlanDocument):
    """What ``plan --json`` prints."""

    refused: list[str] = Field(description="Why apply would refuse this plan.")
    locks: list[LockEntry]


class RestorePlanDocument(PlanBody):
    """What ``restore plan --json`` prints."""

    backup: BackupName
    refused: list[str] = Field(description="Why apply would refuse this plan.")
    skips: list[SkipEntry]
    losses: list[LossEntry]
    supplies: list[SupplyEntry] = Field(description="What no backup holds and the operator brings along.")
    next: Text = Field(description="The command that carries it out.")


def plan_body(plan: Plan, state: ClusterState, cover: Cover | None = None, salt: bytes = b"") -> PlanBody:
    """Return the plan as a document.

    Args:
        plan: what to do.
        state: what it was made for.
        cover: which values are shown; by default those that can hold no secret.
        salt: of the digests, so that guesses cannot be tried against them. Equal plans have equal digests under the
            same salt.
    """
    cover = cover or Cover()
    actions = [_action(action, cover, salt) for action in plan.actions]
    return PlanBody(
        schema_=1,
        cluster=plan.cluster,
        cluster_id=None if state.swarm is None else state.swarm.id,
        origin=plan.origin or None,
        actions=actions,
        warnings=list(plan.warnings),
        worst_risk=plan.worst_risk.value,
        failures=failure_entries(state.failures),
        salt=salt.hex(),
        digest=_whole(plan, state, [one.digest for one in actions]),
    )


def plan_digest(plan: Plan, state: ClusterState, salt: bytes = b"") -> str:
    """Return the digest of the cluster and of all that the actions send: equal digests mean equal plans."""
    return _whole(plan, state, [action_digest(action, salt) for action in plan.actions])


def _whole(plan: Plan, state: ClusterState, digests: list[str]) -> str:
    cluster = [plan.cluster, None if state.swarm is None else state.swarm.id]
    return hashlib.sha256(json.dumps([cluster, digests]).encode()).hexdigest()


def _action(action: Action, cover: Cover, salt: bytes) -> ActionEntry:
    return ActionEntry(
        sign=action.sign.value,
        kind=action.kind,
        target=action.target,
        why=action.why,
        risk=action.risk.value,
        always=action.always,
        changes=[change_entry(cover.change(one)) for one in shown(action)],
        sends=sent(action, cover),
        digest=action_digest(action, salt),
    )
