"""Random ssh_config files, judged by ``ssh -G``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.openssh import differences, operator

HOSTS = ("web", "db1.test", "10.0.0.7", "fe80::7", "Web")
_PATTERNS = st.sampled_from(
    ["*", "web", "w*", "!web", "db?.test", "!db*", "10.0.0.?", "Web", "*.test", "fe80::*", "r.test"]
)
_NAMES = ("a", "u v", "x#y", 'q"q', "%h", "%%", "r.test", "%h.test", "none", "NONE", "-x", "~/k", "a\\b", "\u00e9")
_FLAGS = ("yes", "no", "YES", "true")
_TIMES = ("5", "1m", "1m30s", "none", "2H")
_GOOD = {
    "User": _NAMES,
    "HostName": ("r.test", "%h.test", "%%h", "R.Test", "10.0.0.9", "FE80::9", "web"),
    "Port": ("22", "2200", "ssh", "0022", "+22", "-0"),
    "IdentityFile": _NAMES,
    "CertificateFile": _NAMES,
    "IdentitiesOnly": _FLAGS,
    "HostKeyAlias": _NAMES,
    "ProxyJump": ("g", "g,h@i:3", "ssh://u@g:4", "none", "[fe80::1]:5", "g:0", "g:ssh", "g/2", "@g", "g:"),
    "ProxyCommand": ("nc %h %p", "none", 'sh -c "x %n" # y'),
    "ConnectTimeout": _TIMES,
    "ServerAliveInterval": _TIMES,
    "ConnectionAttempts": ("1", "7", "+3", "0"),
    "CanonicalizeHostname": ("no", "yes", "always", "true"),
    "CanonicalizeMaxDots": ("0", "2", "+1"),
    "RevokedHostKeys": ("/a", "none", "~/k"),
    "StrictHostKeyChecking": ("yes", "no", "ask", "accept-new", "off", "Ask"),
    "AddressFamily": ("inet", "INET6", "any"),
    "BindAddress": ("127.0.0.1", "::1"),
    "HashKnownHosts": _FLAGS,
    "UserKnownHostsFile": ("/a", "/a /b/%h", "none", "~/k", "/dev/null", "%d/%k/%r"),
    "GlobalKnownHostsFile": ("/a", "/a /b", "none"),
    "IdentityAgent": ("/a", "~/%n", "none", "/%i/%u/%p", "NONE", "$HOME", "$HOME/a", "${HOME}/a"),
}
_KEYWORDS = st.sampled_from(sorted(_GOOD))
_ANY = tuple(value for values in _GOOD.values() for value in values)


def _quoted(value: str, style: int) -> str:
    return [value, f'"{value}"', f"'{value}'", value.replace(" ", "\\ "), f"{value} # said"][style]


@st.composite
def _options(draw: st.DrawFn) -> str:
    keyword = draw(_KEYWORDS)
    # Of a jump host with a blank in it ssh 9.2 takes the first word, later ones all; it is refused here.
    any_value = keyword != "ProxyJump" and not draw(st.integers(0, 19))
    value = draw(st.sampled_from(_ANY if any_value else _GOOD[keyword]))
    sign = draw(st.sampled_from([" ", "=", " = ", "\t"]))
    style = draw(st.sampled_from([0, 0, 0, 1, 2, 3, 4])) if keyword not in ("ProxyCommand", "ProxyJump") else 0
    return f"{draw(st.sampled_from(['', '  ']))}{keyword}{sign}{_quoted(value, style)}"


_OPTION = _options()
_HOST = st.lists(_PATTERNS, min_size=1, max_size=3).map(lambda found: "Host " + " ".join(found))
_LIST = st.lists(_PATTERNS, min_size=1, max_size=2).map(",".join)
_CONDITION = st.one_of(
    st.builds(
        lambda negated, kind, sign, value: f"{negated}{kind}{sign}{value}",
        st.sampled_from(["", "!"]),
        st.sampled_from(["host", "originalhost", "user", "Host"]),
        st.sampled_from([" ", "="]),
        _LIST,
    ),
    st.sampled_from(
        [
            "final",
            "!final",
            "canonical",
            "!canonical",
            "all",
            f"localuser {operator().user}",
            "exec true",
            "!exec false",
        ]
    ),
)
_MATCH = st.lists(_CONDITION, min_size=1, max_size=3).map(lambda found: "Match " + " ".join(found))
_INCLUDE = st.sampled_from(["Include {folder}/part", "Include {folder}/absent {folder}/part", "include={folder}/p*"])
_LINE = st.one_of(_OPTION, _OPTION, _OPTION, _HOST, _MATCH, _INCLUDE, st.just(""), st.just("# note"))
_FILE = st.lists(_LINE, max_size=9).map("\n".join)
_PART = st.lists(st.one_of(_OPTION, _HOST, _MATCH), max_size=4).map("\n".join)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=_FILE, part=_PART, host=st.sampled_from(HOSTS))
def test_random_files_mean_what_ssh_says(text: str, part: str, host: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "part").write_text(part + "\n")
        config = folder / "config"
        config.write_text(text.replace("{folder}", name) + "\n")
        assert differences(config, host) == {}, f"{text}\n--- part\n{part}"
