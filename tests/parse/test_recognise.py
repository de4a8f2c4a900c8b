"""A file that was given instead of another is named (E7), instead of all that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import DocumentError
from swarmnet.parse.inventory import parse_inventory
from swarmnet.parse.playbook import parse_playbook
from swarmnet.parse.secrets import secrets_of_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INVENTORY = b"schema: 1\ncluster: blue\nhosts:\n  a: {address: x, role: manager}\n"
PLAYBOOK = b"schema: 1\nname: t\nsteps:\n- network: {name: front}\n"
COMPOSE = b"version: '3.8'\nservices:\n  web:\n    image: web:1\nnetworks: {front: {}}\n"
ANCHORED = b"x-base: &base {image: a}\nservices:\n  web: *base\n"
PLAY = b"- hosts: all\n  tasks:\n  - ping: {}\n"
INI = b"# hosts\n[web:children]\nhost1 ansible_host=192.0.2.1\n"
INI_SIMPLE = b"[web]\nhost1\nhost2\n"
ANSIBLE = b"all:\n  children:\n    web:\n      hosts: {a: {}}\n"
ANSIBLE_VARIABLES = b"all:\n  vars: {x: 1}\nweb:\n  hosts: {a: {}}\n"
KUBERNETES = b"apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
SAVED = b'{"schema": 1, "cluster": "blue", "digest": "00", "actions": []}'
SEALED = b"swarmnet-backup 1\n\x00\xff"
KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n"


def problem(kind: str, content: bytes, folder: Path) -> str:
    readers: dict[str, Callable[[], object]] = {
        "inventory": lambda: parse_inventory(content, name="f", folder=folder),
        "playbook": lambda: parse_playbook(content, "f"),
        "secrets": lambda: secrets_of_file(content, name="f"),
    }
    with pytest.raises(DocumentError) as caught:
        readers[kind]()
    (found,) = caught.value.problems
    return str(found)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (PLAYBOOK, "a playbook"),
        (COMPOSE, "a Compose file"),
        (PLAY, "an Ansible playbook"),
        (INI, "an Ansible inventory"),
        (INI_SIMPLE, "an Ansible inventory"),
        (ANSIBLE, "an Ansible inventory"),
        (ANSIBLE_VARIABLES, "an Ansible inventory"),
        (KUBERNETES, "a Kubernetes manifest"),
        (SAVED, "a saved plan"),
        (SEALED, "a backup"),
        (KEY, "a key or a certificate"),
    ],
)
def test_a_file_that_is_not_an_inventory_is_named_with_what_to_do(content: bytes, what: str, tmp_path: Path) -> None:
    assert problem("inventory", content, tmp_path).startswith(f"f: this is {what}, not an inventory for swarmnet (")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (INVENTORY, "an inventory"),
        (COMPOSE, "a Compose file"),
        (PLAY, "an Ansible playbook"),
        (INI, "an Ansible inventory"),
        (ANSIBLE, "an Ansible inventory"),
        (ANSIBLE_VARIABLES, "an Ansible inventory"),
        (KUBERNETES, "a Kubernetes manifest"),
        (SAVED, "a saved plan"),
        (SEALED, "a backup"),
        (KEY, "a key or a certificate"),
    ],
)
def test_a_file_that_is_not_a_playbook_is_named_with_what_to_do(content: bytes, what: str, tmp_path: Path) -> None:
    assert problem("playbook", content, tmp_path).startswith(f"f: this is {what}, not a playbook for swarmnet (")


def test_a_compose_file_with_anchors_is_still_one(tmp_path: Path) -> None:
    assert "this is a Compose file" in problem("playbook", ANCHORED, tmp_path)


@pytest.mark.parametrize("content", [INVENTORY, PLAYBOOK, SEALED, KEY])
def test_a_file_that_is_not_a_file_of_secrets_is_named(content: bytes, tmp_path: Path) -> None:
    assert "not a file of secrets" in problem("secrets", content, tmp_path)


def test_files_of_the_right_kind_are_read(tmp_path: Path) -> None:
    assert parse_inventory(INVENTORY, name="f", folder=tmp_path).inventory.cluster == "blue"
    assert parse_playbook(PLAYBOOK, "f").name == "t"
    assert set(secrets_of_file(b"services: x\nsteps: y\n", name="f")) == {"services", "steps"}
