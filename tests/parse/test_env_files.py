"""Files of variables that services name: their lines, how steps take them, and that their values are never printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import DocumentError, NoSuchFileError
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.operations.service.operation import ServiceOperation
from swarmnet.parse.env_files import env_file_variables, with_env_files
from swarmnet.parse.playbook import parse_playbook
from swarmnet.plan.build import build
from tests.simulator import World
from tests.support.simulated_state import seen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.operations.playbook import Playbook

ENV_FILE = b"""\
# comment
A=1
B="quotes stay"

  C=$A
D
E
F=a=b
"""


def _read(service: str, files: Mapping[str, bytes], environment: Mapping[str, str] | None = None) -> Playbook:
    def read(path: str) -> bytes:
        if path not in files:
            raise NoSuchFileError(f"no such file: {path}")
        return files[path]

    text = f"schema: 1\nname: site\nsteps:\n- swarm: {{}}\n- service: {{name: web, image: 'probe:1', {service}}}\n"
    return with_env_files(parse_playbook(text.encode(), "site/p.yml"), read, environment or {})


def _env(playbook: Playbook) -> dict[str, str] | None:
    operation = playbook.steps[-1].operation
    assert isinstance(operation, ServiceOperation)
    return operation.written.env


def test_a_file_is_read_line_by_line_as_docker_reads_it() -> None:
    assert env_file_variables(ENV_FILE, "e", {"D": "from here"}) == {
        "A": "1",
        "B": '"quotes stay"',
        "C": "$A",
        "D": "from here",
        "E": None,
        "F": "a=b",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"A=1\nA B=1\n", r"site/a\.env:2: not a variable"),
        (b"=1\n", r"site/a\.env:1: not a variable"),
        (b"A=1\n\xff", r"site/a\.env:2: not UTF-8 text"),
        (b"A=\x00", r"site/p\.yml:5:3: env_file site/a\.env: not a text file"),
    ],
)
def test_a_file_that_holds_something_else_is_refused_with_its_line(text: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        _read("env_file: a.env", {"a.env": text})


def test_every_missing_file_is_refused_with_the_line_of_the_step_that_names_it() -> None:
    with pytest.raises(DocumentError, match=r"site/p\.yml:5:3: env_file: no such file: none\.env"):
        _read("env_file: [none.env]", {})


def test_later_files_go_before_earlier_ones_and_the_steps_own_variables_before_all() -> None:
    files = {"a.env": b"A=1\nB=1\nC=1\n", "b.env": b"B=2\nC=2\n"}

    assert _env(_read("env_file: [a.env, b.env], env: {C: 3}", files)) == {"A": "1", "B": "2", "C": "3"}
    assert _env(_read("env_file: a.env", files)) == {"A": "1", "B": "1", "C": "1"}


def test_a_name_that_has_no_value_here_is_left_out_and_said() -> None:
    playbook = _read("env_file: a.env", {"a.env": b"HERE\nGONE\n"}, {"HERE": "1"})

    assert _env(playbook) == {"HERE": "1"}
    assert playbook.steps[-1].notes == ("site/p.yml:5:3: variable GONE of a.env is not set here: tasks get none",)


def test_values_of_a_file_are_never_printed() -> None:
    _read("env_file: a.env, env: {OWN: of-the-playbook}", {"a.env": b"TOKEN=tqzwxv-81\n"})

    assert SENSITIVE.masked("TOKEN=tqzwxv-81 of-the-playbook") == "TOKEN=*** of-the-playbook"


def test_a_step_whose_files_were_not_read_is_not_planned() -> None:
    world = World()
    text = b"schema: 1\nname: site\nsteps:\n- swarm: {}\n- service: {name: web, image: 'probe:1', env_file: a.env}\n"

    with pytest.raises(DocumentError, match="its env files were not read"):
        build(parse_playbook(text, "p.yml"), seen(world), world.inventory)
