"""Files of variables: the one of the stack file, and those of services."""

import pytest

from swarmnet.errors import DocumentError
from swarmnet.parse.compose.variables import dotenv_variables, env_file_variables

DOTENV = b"""\
# comment
A=1
export B="two words"
C='${A} stays'
D="${A}-${HOME:-none}" # comment
E=
"""
ENV_FILE = b"""\
# comment
A=1
B="quotes stay"

  C=$A
D
E
F=a=b
"""


def test_a_dotenv_file_is_read_as_compose_reads_it() -> None:
    assert dotenv_variables(DOTENV, ".env", {"A": "9"}) == {
        "A": "1",
        "B": "two words",
        "C": "${A} stays",
        "D": "9-none",
        "E": "",
    }


def test_a_line_of_a_dotenv_file_that_assigns_nothing_is_refused_with_its_number() -> None:
    with pytest.raises(DocumentError, match=r"\.env:2: not a variable"):
        dotenv_variables(b"A=1\n=x\n", ".env", {})


def test_the_file_of_a_service_is_read_line_by_line_as_docker_stack_reads_it() -> None:
    assert env_file_variables(ENV_FILE, "e", {"D": "from here"}) == {
        "A": "1",
        "B": '"quotes stay"',
        "C": "$A",
        "D": "from here",
        "F": "a=b",
    }


@pytest.mark.parametrize(("text", "said"), [(b"A B=1\n", "e:1: not a variable"), (b"\x00", "NUL"), (b"\xff", "UTF-8")])
def test_a_file_that_holds_something_else_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        env_file_variables(text, "e", {})
