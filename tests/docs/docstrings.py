"""Docstrings that Python keeps no record of: those below the members of a class."""

from __future__ import annotations

import ast
from inspect import getsource
from itertools import pairwise
from textwrap import dedent

from tests.docs.markdown import sentence


def member_texts(cls: type) -> dict[str, str]:
    """Return the docstrings below the members of a class, by the members' names."""
    (definition,) = ast.parse(dedent(getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for member, below in pairwise(definition.body):
        if isinstance(member, ast.Assign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            (target,) = member.targets
            assert isinstance(target, ast.Name)
            found[target.id] = sentence(str(below.value.value))
    return found
