"""What no text of a bundle shows, whatever is around it."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from swarmnet.workflows.bundle.hiding import Hiding
from swarmnet.workflows.bundle.questions import SETTINGS

SECRETS = st.from_regex(r"[A-Za-z0-9+/=_.!*-]{8,40}", fullmatch=True).map(lambda one: f"Zq9{one}")
AROUND = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20)
FORMS = (
    "https://bob:{}@registry.example/v2/",
    "http://{}@proxy:3128",
    "redis://:{}@cache",
    "DB_PASSWORD={}",
    "db-password: {}",
    'password="{}"',
    "secret='{}'",
    r"{{\"token\":\"{}\"}}",
    '{{"api_key": "{}"}}',
    "Authorization: Bearer {}",
    "--token {}",
    "--token={}",
    '["--db-password", "{}"]',
    "--password '{}'",
    "curl -u bob:{} http://x",
    "https://x/y?access_token={}&a=b",
    "SWMTKN-1-{}",
    "SWMKEY-1-{}",
    "passwd {0} is not password={0}",
)
LOGGED = ("MODE={}", 'form data: {{"Image":"x","Cmd":["{}"]}}', "Env:[A=b C={}]")


@given(SECRETS, AROUND, AROUND, st.sampled_from(FORMS[:-1]))
@example("Zq9a@b/c:d#e", "", "", FORMS[0])
@example("Zq9*0000000", "", "", "Authorization: Bearer {}")
def test_a_value_whose_name_or_form_is_secret_is_hidden_in_any_text(
    secret: str, before: str, after: str, form: str
) -> None:
    shown = Hiding().text(f"{before} {form.format(secret)} {after}")
    assert secret not in shown
    assert "***" in shown


@given(SECRETS, AROUND, AROUND, st.sampled_from(LOGGED))
def test_a_log_shows_no_value_of_a_variable_and_no_body_of_a_request(
    secret: str, before: str, after: str, form: str
) -> None:
    assert secret not in Hiding().text(f"{before} {form.format(secret)} {after}", variables=True)


@given(
    st.text(min_size=8, max_size=60).map(str.strip).filter(lambda one: len(one) >= 8 and not one.isdecimal()), AROUND
)
def test_a_known_value_is_hidden_in_every_form_that_it_is_written_in(secret: str, around: str) -> None:
    hiding = Hiding()
    hiding.known.mark(secret)
    for written in (secret, json.dumps(secret), repr(secret)):
        assert secret not in hiding.text(f"x{around}{written}y").replace(around, "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | SECRETS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("Env", "Labels", "password", "proxies", "x-token", "args")), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def texts(value: object) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    return (
        [text for one in value for text in texts(one)]
        if isinstance(value, list)
        else [value]
        if isinstance(value, str)
        else []
    )


@given(JSON)
def test_settings_show_no_text_below_an_unknown_name(value: object) -> None:
    shown = json.dumps(Hiding().json(value, shown=SETTINGS))  # type: ignore[arg-type]
    assert not [text for text in texts(value) if text in shown]


@given(
    st.dictionaries(
        st.sampled_from(("Env", "Labels", "Cmd", "Secret", "AuthToken")), st.lists(SECRETS, min_size=1, max_size=3)
    )
)
def test_lists_of_variables_labels_and_words_keep_their_length_and_no_value(value: dict[str, list[str]]) -> None:
    lists = {
        name: [f"NAME={one}" if name in ("Env", "Labels") else one for one in some] for name, some in value.items()
    }
    shown = json.dumps(Hiding().json({"one": lists}))  # type: ignore[dict-item]
    assert not [text for text in texts(value) if text in shown]
    assert shown.count("***") == len(texts(value))


@pytest.mark.parametrize(
    "line",
    [
        "10.0.0.3 dev vxlan0 lladdr 02:42:0a:00:00:03 PERMANENT",
        "02:42:0a:00:00:05 dev vxlan0 dst 192.168.50.12 link-netnsid 0 self permanent",
        "[12:720] -A INPUT -p udp -m udp --dport 4789 -j ACCEPT",
        '-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -m comment --comment "mesh" -j RETURN',
        "src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x1a2b3c4d reqid 13681891 mode transport",
        'time="2026-11-28T15:48:58Z" level=info msg="Starting up" module=libcontainerd pid=56',
        "memberlist: Suspect m2-a1b2c3 has failed, no acks received",
        "IN=eth0 OUT= MAC=02:42 SRC=10.0.0.1 DST=10.0.0.2 LEN=60 PROTO=UDP SPT=4789 DPT=4789",
        'udp UNCONN 0 0 0.0.0.0:7946 0.0.0.0:* users:(("dockerd",pid=47,fd=30))',
    ],
)
def test_evidence_stays_as_it_is(line: str) -> None:
    assert Hiding().text(line, variables=True) == line


def test_private_keys_and_keys_of_ipsec_are_hidden_whole() -> None:
    pem = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\nabc\n-----END EC PRIVATE KEY-----"
    assert Hiding().text(f"a {pem} b") == "a *** b"
    assert Hiding().text(pem[:40]) == "***"
    assert Hiding().text("aead rfc4106(gcm(aes)) 0x" + "ab" * 20 + " 64") == "aead rfc4106(gcm(aes)) *** 64"


@pytest.mark.parametrize("text", ["a" * 200_000, "-" * 200_000, "://" * 60_000, "password" * 25_000, '="' * 90_000])
def test_hostile_text_takes_no_time(text: str) -> None:
    begun = time.monotonic()
    Hiding().text(text, variables=True)
    assert time.monotonic() - begun < 10
    assert re.fullmatch(r"(?s).*", text)
