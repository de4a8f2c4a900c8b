"""A backup as a folder of readable files, one an object, for git: what differs in two of them is what an operator did.

Facts that change by themselves (ids, versions, virtual IPs, VXLAN identifiers, leadership, times) are left out, as they
are when backups are compared, so that an unchanged cluster gives the same bytes. Values are hidden as in all exports.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from swarmnet.errors import IncompleteError
from swarmnet.model.state import HostFacts
from swarmnet.plan.recovery.catalogue import TIME
from swarmnet.plan.recovery.redact import redacted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.redaction import Cover

_PLAIN = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,99}", re.ASCII)
_SUBJECT = 72
"""Characters of a commit's first line."""
_SWARM = ("networks", "services", "configs", "secrets")
_WORDS = {"A": "added", "M": "changed", "D": "removed"}


def exported(document: BackupDocument, cover: Cover) -> dict[str, bytes]:
    """Return the files of a backup, by path.

    Raises:
        IncompleteError: it is partial; what it does not know would look removed.
    """
    if not document.completeness.complete:
        raise IncompleteError(
            f"backup {document.id[:8]} is partial: what it does not know would look removed",
            hint="nothing was written; export a complete one: `swarmnet backup list` shows which are",
        )
    tree: Any = redacted(document, cover)
    return {path: _text(value) for path, value in _objects(tree["state"])}


def _objects(state: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - the tree of any backup
    if state["swarm"] is not None:
        yield "swarm.json", state["swarm"]["spec"]
    for node in state["nodes"]:
        yield f"nodes/{_name(node['hostname'])}.json", {"hostname": node["hostname"], **node["spec"]}
    for kind in _SWARM:
        for one in state[kind]:
            if not one.get("predefined") or one["spec"].get("ingress"):
                yield f"{kind}/{_name(one['spec']['name'])}.json", one["spec"]
    for host in state["hosts"]:
        yield from ((f"hosts/{_name(host['host'])}/{path}", value) for path, value in _of_host(host))


def _of_host(host: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - as above
    yield "engine.json", {"version": host["engine"]["version"], "labels": host["engine"]["labels"]}
    for network in host["networks"]:
        if not network["predefined"]:
            yield f"networks/{_name(network['spec']['name'])}.json", network["spec"]
    for field in sorted(HostFacts.LISTED):
        yield from ((f"{field}/{_name(one['spec']['name'])}.json", one["spec"]) for one in host[field] or ())
    for box in host["containers"]:
        endpoints = [{key: value for key, value in one.items() if key not in _OPERATIONAL} for one in box["endpoints"]]
        shown = {"name": box["name"], "image": box["image"], "labels": box["labels"], "endpoints": endpoints}
        yield f"containers/{_name(box['name'])}.json", shown


_OPERATIONAL = ("address", "network_id")


def _name(text: str) -> str:
    """Return a file name: the object's own where that is plain, else cleaned with a digest behind."""
    if _PLAIN.fullmatch(text):
        return text
    clean = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.")[:64]
    return f"{clean or 'object'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _text(value: Any) -> bytes:  # noqa: ANN401 - as above
    return json.dumps(_stated(value), indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _stated(value: Any) -> Any:  # noqa: ANN401 - as above
    """Leave out what is not stated: a hundred fields of null hide the one that matters."""
    if isinstance(value, dict):
        return {key: _stated(one) for key, one in value.items() if one is not None}
    return [_stated(one) for one in value] if isinstance(value, list) else value


def commit_message(document: BackupDocument, changes: Sequence[tuple[str, str]]) -> str:
    """Return what a commit says: what was added, changed and removed, and from which backup that is known.

    Args:
        document: the backup.
        changes: git's letter (A, M, D) and the path below the cluster's folder.
    """
    shown = [f"{path.removesuffix('.json')} {_WORDS.get(letter, 'changed')}" for letter, path in changes]
    cluster = " ".join(document.cluster.split())
    subject = f"{cluster}: {', '.join(shown)}"
    if len(subject) > _SUBJECT:
        counts: Mapping[str, int] = {
            word: sum(1 for letter, _ in changes if _WORDS.get(letter, "changed") == word) for word in _WORDS.values()
        }
        subject = f"{cluster}: " + ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    backup = f"Backup {document.id[:8]} of {document.created.strftime(TIME)}, {document.reason.value}."
    return "\n".join((subject, "", *shown, "", backup, ""))
