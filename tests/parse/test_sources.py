"""The files that made a cluster: what a backup keeps of them, and what it refuses to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import DocumentError, NoSuchFileError
from swarmnet.parse.sources import sources_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.sources import Sources

HOSTS = ("hosts.yml", b"schema: 1\n")
STEPS = """\
schema: 1
name: site
steps:
  - config: {name: page, from: {file: www/page.html}}
  - config: {name: far, from: {file: /etc/motd}}
  - secret: {name: key, from: {file: key.pem}}
  - service: {name: web, image: "web:1", env_file: web.env}
  - stack: {file: stacks/shop.yml}
"""
STACK = """\
x-common: &common {env_file: [cart.env, {path: more.env, required: false}]}
services:
  cart: {<<: *common, image: "cart:1", extends: {file: base.yml, service: cart}}
configs:
  menu: {file: menu.txt}
secrets:
  token: {file: token.txt}
"""
FILES = {
    "www/page.html": b"<p>",
    "web.env": b"A=1\n",
    "stacks/shop.yml": STACK.encode(),
    "stacks/cart.env": b"B=2\n",
    "stacks/more.env": b"",
    "stacks/base.yml": b"services: {}\n",
    "stacks/menu.txt": b"\xff\x00",
    "stacks/.env": b"TAG=1\n",
}


def found(steps: str = STEPS, files: Mapping[str, bytes] = FILES, hosts: tuple[str, bytes] = HOSTS) -> Sources:
    def read(name: str) -> bytes:
        if name not in files:
            raise NoSuchFileError(f"no such file: {name}")
        return files[name]

    return sources_of(("site.yml", steps.encode()), hosts, read)


def test_a_playbook_is_kept_with_all_that_it_and_its_stack_files_name() -> None:
    kept = found()
    assert kept.named == FILES | {"site.yml": STEPS.encode(), "hosts.yml": HOSTS[1]}
    assert (kept.playbook, kept.inventory) == ("site.yml", "hosts.yml")


def test_files_of_secrets_and_files_elsewhere_are_named_and_not_kept() -> None:
    assert found().missing == ("/etc/motd", "key.pem", "stacks/token.txt")


def test_an_inventory_with_the_name_of_another_file_gets_a_name_of_its_own() -> None:
    assert found(hosts=("web.env", b"x")).named["inventory-web.env"] == b"x"


def test_a_file_that_is_not_there_is_an_error_of_today_and_not_of_the_day_of_the_restore() -> None:
    with pytest.raises(NoSuchFileError, match=r"web\.env"):
        found(files={name: content for name, content in FILES.items() if name != "web.env"})


def test_a_value_of_a_secret_in_the_playbook_is_refused_with_its_line() -> None:
    with pytest.raises(DocumentError, match=r"site\.yml:4:.*the value of a secret is in the playbook"):
        found("schema: 1\nname: site\nsteps:\n  - secret: {name: key, from: {text: hunter2}}\n")


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "# AGE-SECRET-KEY-1QQQQ",
        "unlock: SWMKEY-1-abc",
        "token: SWMTKN-1-abc-def",
    ],
)
def test_a_key_in_any_of_the_files_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(DocumentError, match=r"hosts\.yml:2: a secret is in the file"):
        found(hosts=("hosts.yml", f"schema: 1\n{line}\n".encode()))
