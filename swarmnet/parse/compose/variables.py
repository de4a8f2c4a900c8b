"""``.env``, the file of variables for a stack file itself.

It has the dialect that Compose and python-dotenv share: quotes, ``export``, comments, variables in values. The files
that ``env_file`` of services names have another one (``parse.env_files``).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from dotenv.parser import parse_stream

from swarmnet.errors import DocumentError, Problem
from swarmnet.parse.compose.interpolate import Interpolation
from swarmnet.parse.compose.nodes import Node
from swarmnet.parse.yaml import Mark, decoded

if TYPE_CHECKING:
    from collections.abc import Mapping


def dotenv_variables(content: bytes, name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Read a ``.env`` file; values may refer to the environment, which goes before, and to variables above.

    Raises:
        DocumentError: lines without an assignment, variables that are not set.
    """
    problems: list[Problem] = []
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(decoded(content, name))):
        mark = Mark(binding.original.line, 1)
        if binding.error:
            problems.append(Problem(name, mark.line, "not a variable", "write NAME=value, or '#' before a comment"))
        elif binding.key is not None and binding.value is not None:
            literal = binding.original.string.partition("=")[2].lstrip().startswith("'")
            filled = Interpolation({**found, **environment})
            node = Node(binding.value, name, mark)
            value = node if literal else filled.fill(node)
            problems += filled.all_problems()
            found[binding.key] = str(value.value)
    if problems:
        raise DocumentError(tuple(problems))
    return found
