"""What is written is read back as it was, whatever the words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.operations.written import WrittenStep
from swarmnet.parse.substitute import Substitution
from swarmnet.parse.write import document_text, playbook_text
from swarmnet.parse.yaml import load

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue

NASTY: tuple[str, ...] = (
    "no",
    "on",
    "~",
    "null",
    "0755",
    "1e3",
    "22:22",
    "2024-01-01",
    "a: b",
    "# c",
    "- d",
    "${x}",
    "$${y}",
    "$$${",
    "",
)
NASTY += (
    "two\nlines",
    " lead\nx",
    "end\n",
    "\n",
    "tab\tx\ny",
    "trail \nx\n",
    "'",
    '"',
    "\\",
    "\x1b[2J",
    "é",
    "\u2028",
    "*a",
)
NASTY += (
    "0x0",
    "0o7",
    "1_0",
    ".inf",
    "!t",
    "{",
    "[",
    "a,b",
    "=",
    "<<",
    "busybox:1",
    "a:",
    "8080:80",
    "10.0.0.0/24",
    "1.5",
    "-1",
    "x" * 300,
    "🎉",
    "\x85",
)
texts = st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.sampled_from((0.5, 1e-9, 1.5e12)) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
mappings = st.dictionaries(texts, values, min_size=1, max_size=4)


@settings(max_examples=300)
@given(mappings)
def test_a_document_is_read_back_by_us_and_by_other_readers_of_yaml(data: JsonObject) -> None:
    text = document_text(data)
    assert load(text.encode(), "x.yml").data == data
    assert yaml.safe_load(text) == data


@settings(max_examples=300)
@given(st.lists(mappings, min_size=1, max_size=3), texts)
def test_the_steps_of_a_playbook_are_read_back_and_comments_never_end_early(found: list[JsonObject], said: str) -> None:
    steps = [WrittenStep("service", one, on=("m1",), comments=(said,), muted=False) for one in found]
    steps.append(WrittenStep("service", found[0], comments=(said,), muted=True))
    text, begins = playbook_text(said or "x", steps, head=(said,))
    source = load(text.encode(), "x.yml")
    complaints: list[object] = []
    fill = Substitution({}, {}, lambda *words: complaints.append(words)).fill
    assert isinstance(source.data["steps"], list)
    assert [fill(one, ()) for one in source.data["steps"]] == [{"service": one, "on": ["m1"]} for one in found]
    assert complaints == []
    assert source.data["name"] == (said or "x")
    marks = [source.mark(("steps", number)) for number in range(len(found))]
    assert [one.line for one in marks if one is not None] == [*begins[:-1]]


def test_what_is_short_is_on_one_line_and_text_of_several_lines_is_a_block() -> None:
    steps = (
        WrittenStep("network", {"name": "front", "attachable": True}),
        WrittenStep("service", {"name": "web", "image": "busybox:1", "ports": ["8080:80"], "env": {"A": "1"}}),
        WrittenStep("config", {"name": "page", "from": {"text": "one\n${two}\n"}}, on=("m1",), comments=("Said.",)),
    )
    assert (
        playbook_text("site", steps)[0]
        == """\
schema: 1
name: site
steps:
  - network: {name: front, attachable: true}
  - service:
      name: web
      image: busybox:1
      ports: ["8080:80"]
      env: {A: "1"}

  # Said.
  - config:
      name: page
      from:
        text: |
          one
          $${two}
    on: [m1]
"""
    )
