from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args, get_origin

import pytest
from pydantic import BaseModel

from swarmnet.model.backup import BackupDocument
from swarmnet.model.redaction import Cover
from swarmnet.plan.recovery.redact import redacted
from tests.support.backups import CANARY, a_document, a_state

if TYPE_CHECKING:
    from collections.abc import Iterator


def _with_extra(extra: object) -> str:
    state = a_state()
    service = state.services[0]
    spec = service.spec.model_copy(update={"extra": {"TaskTemplate": extra}})
    changed = state.model_copy(update={"services": (service.model_copy(update={"spec": spec}),)})
    return json.dumps(redacted(a_document(changed), Cover()))


def test_an_export_has_the_shape_of_everything_and_no_secret_value() -> None:
    text = json.dumps(redacted(a_document(), Cover()))
    for shown in ("front", "10.30.1.0/24", "site.conf", "tls-key", "MODE", "DB_PASSWORD", "rack"):
        assert shown in text
    for hidden in (CANARY, "listen 80"):
        assert hidden not in text


@pytest.mark.parametrize(
    "extra",
    [
        {"Env": [f"API_KEY={CANARY}"]},
        {"LogDriver": {"Options": {"splunk-token": CANARY}}},
        {"Command": f"postgres://admin:{CANARY}@db/x"},
        {"Mounts": [{"Options": {"password": CANARY}}]},
    ],
)
def test_secrets_inside_the_engines_own_json_are_hidden_too(extra: object) -> None:
    assert CANARY not in _with_extra(extra)


SHOWN = {"virtual_ips", "engines", "sysctls", "hosts"}
"""Mappings of texts that hold addresses, versions and kernel parameters, never free text."""


def _mappings(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    """Yield the fields of a model, and of those below it, whose values are free text by name."""
    seen.add(model)
    for name, field in model.model_fields.items():
        for part in _parts(field.annotation):
            if get_origin(part) is dict and get_args(part)[1] is str:
                yield name
            if isinstance(part, type) and issubclass(part, BaseModel) and part not in seen:
                yield from _mappings(part, seen)


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def test_every_mapping_of_names_to_texts_has_a_rule() -> None:
    """Finds the next one that a document gets."""
    found = set(_mappings(BackupDocument, set()))

    covered = {name for name in found if CANARY not in str(Cover().value(("state", name), {"x": CANARY}))}

    assert {"labels", "env", "options", "engine_labels"} <= found
    assert found - covered == SHOWN
