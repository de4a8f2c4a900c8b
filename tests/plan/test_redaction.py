from __future__ import annotations

import json

import pytest

from swarmnet.model.redaction import Cover
from swarmnet.plan.redaction import redacted
from tests.backups import CANARY, a_document, a_state


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
