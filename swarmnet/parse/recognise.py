"""Recognise a file that was given instead of another, by the keys at its top, which differ by kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue

Kind = Literal["an inventory", "a playbook", "a file of secrets", "a Compose file"]

_INI_SECTION = re.compile(r"\[[A-Za-z0-9_.:-]+\]")
_SEALED = b"swarmnet-backup"
_PLAYS = {"hosts", "tasks", "roles", "import_playbook"}
"""Keys of a play in an Ansible playbook."""
_EACH_IN_ITS_PLACE = "give the inventory with --inventory, and the playbook as the argument"
_AS_STEPS = "write its networks and services as steps of a playbook: playbooks/services.yml is one"
_AS_STACK = "name it in a step, '- stack: {file: FILE, name: NAME}', or see 'swarmnet convert FILE'"
_ANSIBLE_INVENTORY = "an Ansible inventory", "write a swarmnet inventory: inventories/example.yml shows every key"


def recognised_bytes(content: bytes) -> tuple[str, str] | None:
    """Return what a file (text or not) is, and what to do; None if its first bytes do not show it."""
    if content.startswith(_SEALED):
        return "a backup", "give it to 'swarmnet restore plan' or 'swarmnet backup show'"
    if content.lstrip().startswith((b"-----BEGIN", b"ssh-", b"AGE-SECRET-KEY")):
        return "a key or a certificate", "give the path of the document itself"
    return None


def recognised(root: JsonValue, text: str) -> tuple[str, str] | None:
    """Return what a document is, and what to do if another kind was expected; None if its form does not show it.

    Args:
        root: the part of it that could be read.
        text: the document itself.
    """
    if isinstance(root, dict):
        return _mapping(root)
    if isinstance(root, list) and any(isinstance(one, dict) and _PLAYS & set(one) for one in root):
        return "an Ansible playbook", "write a swarmnet playbook: playbooks/ has examples"
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and line[0] not in "#;"), "")
    if _INI_SECTION.fullmatch(first):
        return _ANSIBLE_INVENTORY
    return None


def _mapping(root: dict[str, JsonValue]) -> tuple[str, str] | None:
    groups = [set(value) if isinstance(value, dict) else set() for value in root.values()]
    kinds = (
        (isinstance(root.get("steps"), list), ("a playbook", _EACH_IN_ITS_PLACE)),
        ("cluster" in root and isinstance(root.get("hosts"), dict), ("an inventory", _EACH_IN_ITS_PLACE)),
        ({"actions", "digest"} <= set(root), ("a saved plan", "give it with --plan, together with its playbook")),
        (isinstance(root.get("services"), dict), ("a Compose file", _AS_STACK)),
        ({"apiVersion", "kind"} <= set(root), ("a Kubernetes manifest", _AS_STEPS)),
        (any({"hosts", "children"} & keys or keys == {"vars"} for keys in groups), _ANSIBLE_INVENTORY),
    )
    return next((found for fits, found in kinds if fits), None)
