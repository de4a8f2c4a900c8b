"""Files of variables: the one of the stack file, and those of services."""

import pytest

from swarmnet.errors import DocumentError
from swarmnet.parse.compose.variables import dotenv_variables

DOTENV = b"""\
# comment
A=1
export B="two words"
C='${A} stays'
D="${A}-${HOME:-none}" # comment
E=
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
