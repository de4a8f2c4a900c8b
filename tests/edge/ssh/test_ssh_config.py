"""ssh_config files, judged by ``ssh -G`` (C2, C3, C4, C9)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.ssh.config import SSHConfig, config_files
from swarmnet.edge.ssh.criteria import Criteria
from swarmnet.errors import UsageError
from tests.support.openssh import by_ssh, differences, operator

if TYPE_CHECKING:
    from pathlib import Path

ME = operator().user

CASES = {
    "first value wins": "User a\nUser b\nHost *\n Port 7\nHost w*\n Port 8\n",
    "globs and negation": "Host w?b !web2 *.test\n User in\nHost !web *\n User out\nHost * !web\n Port 9\n",
    "negation behind a match": "Host * !web\n User x\nHost web !*\n Port 5\n",
    "brackets are plain letters": "Host [w]eb\n User x\n",
    "comments and quotes": 'User deploy # who\nHost "web" # this\n Port "2200"\nHostName \'a.test\'\n#User z\n   # x\n',
    "equals signs": "User=u\nPort = 4\nHost=web\nHostName  =  h.test\nConnectTimeout=  9\n",
    "keywords in upper or lower case": "USER u\nhOsT web\npOrT 3\n",
    "quoted keyword": '"User" u\n"Port"=4\n',
    "tabs, blanks and carriage returns": "\tUser\tu  \r\n  Host\tweb\t\r\n\tPort\t7\r\f\n\n",
    "escapes": 'User a\\ b\nUserKnownHostsFile "/a\\"b" /c\\\\d\nIdentityFile "/a\\b"\n',
    "blanks in quotes": 'UserKnownHostsFile "/a b/kh" /c\nIdentityFile "/k x"\nHost "web db" web\n User q\n',
    "an open quote": 'User "a\n',
    "two values": "User a b\n",
    "no value": "User\n",
    "no value behind equals": "Port=\n",
    "empty value": 'User ""\n',
    "ports by name": "Port ssh\n",
    "ports by another name": "Host web\n Port https\n",
    "wrong port": "Port 70000\n",
    "port zero": "Port 0\n",
    "port as C reads numbers": "Port +22\n",
    "port with blanks and zeros": 'Port " 000000000000000000000022"\n',
    "port with a sign": "Port -22\n",
    "port minus zero": "Port -0\n",
    "port of many digits": f"Port {'9' * 5000}\n",
    "attempts as C reads numbers": "ConnectionAttempts +3\n",
    "attempts of zero": "ConnectionAttempts 0\n",
    "attempts of zero elsewhere": "Host other\n ConnectionAttempts 0\n",
    "attempts below zero": "ConnectionAttempts -1\n",
    "attempts without end": "ConnectionAttempts 99999999999\n",
    "wrong port where it does not apply": "Host other\n Port x\n",
    "times": "ConnectTimeout 1m30s\nServerAliveInterval 2h\n",
    "times in capitals": "ConnectTimeout 1M\nServerAliveInterval 0\n",
    "time none": "ConnectTimeout none\n",
    "wrong time": "ConnectTimeout soon\n",
    "wrong flag": "IdentitiesOnly perhaps\n",
    "several identities": "IdentityFile ~/a\nHost web\n IdentityFile %d/b\n IdentityFile ~/a\nHost n\n Port 1\n",
    "identities none": "IdentityFile none\n",
    "certificates": "CertificateFile ~/a-cert.pub\nCertificateFile b\nIdentitiesOnly yes\n",
    "agent": "IdentityAgent ~/agent.sock\n",
    "agent none": "IdentityAgent none\n",
    "agent by variable": "IdentityAgent $MY_SOCK\n",
    "agent by path behind a variable": "IdentityAgent $HOME/a\n",
    "agent by path behind a variable elsewhere": "Host other\n IdentityAgent $HOME/a\n",
    "agent in a path with a variable": "IdentityAgent ${{HOME}}/a\n",
    "agent by no variable": "IdentityAgent $\n",
    "agent by a variable that is not set": "Host other\n IdentityAgent ${{NOT_SET_HERE}}/a\n",
    "agent by an open brace": "IdentityAgent ${{HOME\n",
    "agent by an empty brace": "IdentityAgent ${{}}\n",
    "agent in capitals": "IdentityAgent NONE\n",
    "known hosts": "UserKnownHostsFile ~/a /b/%h\nGlobalKnownHostsFile /g\n",
    "known hosts once": "UserKnownHostsFile /a\nUserKnownHostsFile /b\n",
    "known hosts none": "UserKnownHostsFile none\nGlobalKnownHostsFile none\n",
    "known hosts none among others": "UserKnownHostsFile /a none\n",
    "known hosts device": "UserKnownHostsFile /dev/null\nStrictHostKeyChecking no\n",
    "alias": "HostKeyAlias Web-One\nPort 2200\n",
    "strict yes": "StrictHostKeyChecking yes\n",
    "strict ask": "StrictHostKeyChecking ask\n",
    "strict new": "StrictHostKeyChecking accept-new\n",
    "strict off": "StrictHostKeyChecking off\n",
    "strict in capitals": "StrictHostKeyChecking YES\n",
    "strict wrong": "StrictHostKeyChecking maybe\n",
    "host name with tokens": "HostName %h.test\n",
    "host name with a per cent": "HostName %%h\n",
    "host name in capitals": "HostName WEB.Test\n",
    "host name with a wrong token": "HostName %q\n",
    "host name of an address": "HostName FE80::1\n",
    "jump": "ProxyJump admin@gate:2022\n",
    "jump chain": "ProxyJump a,b@c:7,d\n",
    "jump by an address of ssh's own": "ProxyJump ssh://admin@gate:2022/\n",
    "jump to port zero": "ProxyJump a:0\n",
    "jump to port zero elsewhere": "Host other\n ProxyJump a:0\n",
    "jump to port zero of a later one": "ProxyJump a,b:0\n",
    "jump by the name of a port": "ProxyJump a:ssh\n",
    "jump to a port as C reads numbers": "ProxyJump a:+22\n",
    "jump to an empty port": "ProxyJump a:\n",
    "jump to a port that is none": "ProxyJump a:22x\n",
    "jump by a slash": "ProxyJump a/22\n",
    "jump without a user": "ProxyJump @a\n",
    "jump without a host": "ProxyJump a,,b\n",
    "jump in brackets": "ProxyJump [a],[fe80::1]:7\n",
    "jump behind brackets": "ProxyJump [a]x\n",
    "jump in an open bracket": "ProxyJump [a\n",
    "jump by a bare IPv6 address": "ProxyJump fe80::1\n",
    "jump by a path": "ProxyJump ssh://a/x\n",
    "jump of a user with an at sign": "ProxyJump u@v@a\n",
    "jump none": "ProxyJump none\nProxyCommand nc %h %p\n",
    "jump before command": "ProxyJump g\nProxyCommand nc %h %p\n",
    "command before jump": "ProxyCommand nc %h %p\nProxyJump g\n",
    "command none before jump": "ProxyCommand none\nProxyJump g\n",
    "command with quotes and comments": "ProxyCommand sh -c \"nc '%h' %p\" # not a comment\n",
    "command with equals": "ProxyCommand = nc %h %p\n",
    "address family": "AddressFamily inet6\nBindAddress 127.0.0.1\n",
    "address family wrong": "AddressFamily ipv4\n",
    "hashing": "HashKnownHosts yes\n",
    "keep-alives and attempts": "ServerAliveInterval 15\nConnectionAttempts 4\n",
    "revoked keys": "RevokedHostKeys /r\n",
    "revoked keys none": "RevokedHostKeys NONE\n",
    "revoked keys of two files": "RevokedHostKeys /r /s\n",
    "canonical without domains": "CanonicalizeHostname yes\nMatch final\n User u\n",
    "canonical by another word": "CanonicalizeHostname maybe\n",
    "canonical by another word elsewhere": "Host other\n CanonicalizeHostname maybe\n",
    "canonical reads the files once more": "CanonicalizeHostname True\nMatch canonical host web\n User u\n",
    "canonical in no domain": "CanonicalizeHostname yes\nCanonicalDomains absent.invalid\nMatch final\n Port 4\n",
    "canonical in no domain, refused": "CanonicalizeHostname yes\nCanonicalDomains absent.invalid\n"
    "CanonicalizeFallbackLocal no\n",
    "canonical, but too many dots": "HostName a.b.c\nCanonicalizeHostname yes\nCanonicalDomains absent.invalid\n"
    "CanonicalizeFallbackLocal no\n",
    "canonical, but behind a jump host": "CanonicalizeHostname yes\nCanonicalizeFallbackLocal no\nProxyJump g\n"
    "CanonicalDomains absent.invalid\n",
    "canonical behind a command, always": "CanonicalizeHostname always\nCanonicalizeFallbackLocal no\n"
    "ProxyCommand nc %h %p\nCanonicalDomains absent.invalid\n",
    "canonical of an address": "HostName 10.0.0.1\nCanonicalizeHostname yes\nCanonicalizeFallbackLocal no\n"
    "CanonicalDomains absent.invalid\nCanonicalizeMaxDots 9\n",
    "domains": "CanonicalDomains a. B.c\nCanonicalizeMaxDots +2\nCanonicalizeFallbackLocal yes\n",
    "domains none": "CanonicalDomains none\n",
    "domains none among others": "CanonicalDomains a none\n",
    "domains with two dots": "CanonicalDomains a..b\n",
    "domains with an underscore": "CanonicalDomains _a\n",
    "dots below zero": "CanonicalizeMaxDots -1\n",
    "aliases to follow": "HostName localhost\nCanonicalizePermittedCNAMEs *.a,*.b:*.c\n",
    "aliases to follow without a target": "CanonicalizePermittedCNAMEs a:\n",
    "aliases to follow without a colon": "CanonicalizePermittedCNAMEs a\n",
    "unknown option ignored": "IgnoreUnknown Foo*\nFooBar x\nUser u\n",
    "options that are not honoured": "CanonicalizeHostname no\nForwardAgent yes\nControlMaster auto\nUser u\n",
    "match all": "Match all\n User u\n",
    "match not all": "Match !all\n User u\n",
    "match host": "Match host w*,!web2\n User u\n",
    "match host by equals": "Match host=web\n User u\nMatch originalhost=web,db user=u\n Port 5\n",
    "match host in capitals": "Match host WEB\n User u\n",
    "match host after HostName": "HostName real.test\nMatch host real.test\n User u\nMatch host web\n Port 5\n",
    "match originalhost": "HostName r.test\nMatch originalhost web\n User u\nMatch originalhost r.test\n Port 5\n",
    "match user": f"Match user {ME}\n Port 4\nUser other\n",
    "match user set before": "User u\nMatch user u\n Port 4\nMatch user x\n HostName y\n",
    "match localuser": f"Match localuser {ME}\n Port 4\nMatch !localuser {ME}\n HostName y\n",
    "match negated": "Match !host db !user nobody1\n Port 4\n",
    "match several": f"Match host web user nobody1\n Port 4\nMatch host web localuser {ME}\n Port 5\n",
    "match final": "HostName real.test\nMatch final host real.test\n User u\nHost real.test\n Port 5\n",
    "match final all": "Match final all\n User u\nMatch final\n Port 5\n",
    "match not final": "Match !final\n User u\nMatch !canonical\n Port 5\n",
    "match canonical": "Match canonical\n User u\n",
    "match canonical all": "Match canonical all\n User u\nMatch final all\n Port 4\n",
    "match final does not override": "User a\nMatch final\n User b\n IdentityFile z\n",
    "match exec": 'Match exec "test %h = web"\n User u\nMatch exec "test %n = db"\n Port 4\n',
    "match exec with tokens": 'User r\nPort 77\nMatch exec "test %r-%p-%u = r-77-' + ME + '"\n HostName yes.test\n',
    "match exec negated": "Match !exec false\n User u\nMatch exec=true\n Port 4\n",
    "match exec behind another": "Match host db exec true\n User u\n",
    "match without an argument": "Match host\n User u\n",
    "match without a condition": "Match #x\n User u\n",
    "match of an unknown kind": "Match moon full\n User u\n",
    "match all among others": "Match host web user x all\n User u\n",
    "match all first": "Match all host web\n User u\n",
    "match all behind one": "Match host db all\n User u\n",
    "match with a comment": "Match host web # db\n User u\n",
    "match with quotes": 'Match host "web,db" user "*"\n Port 6\n',
    "include": "Include one.conf\nUser late\n",
    "include of nothing": "Include absent/*.conf\nUser u\n",
    "include by pattern": "Include {folder}/*.conf\nUser late\n",
    "include of several": "Include {folder}/two.conf {folder}/one.conf\n",
    "include in a host": "Host db\n Include {folder}/one.conf\nHost web\n Port 6\n",
    "include in a host that applies": "Host web\n Include {folder}/two.conf\n User mine\nHost db\n User no\n",
    "include in a match": "Match host db\n Include {folder}/two.conf\nMatch host web\n Include {folder}/two.conf\n",
    "include whose host does not leak": "Include {folder}/two.conf\nUser still\n",
    "include that includes": "Include {folder}/three.conf\nUser late\n",
    "include of itself": "Include {folder}/self.conf\n",
    "include of a wrong file": "Include {folder}/wrong.conf\n",
    "include of a wrong file where it does not apply": "Host db\n Include {folder}/wrong.conf\n",
    "include of a directory": "Include {folder}/i* {folder}/one.conf\nUser late\n",
    "include that others may write": "Include {folder}/open.conf\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the cases include."""
    (tmp_path / "one.conf").write_text("User from-one\n")
    (tmp_path / "two.conf").write_text("Host web\n  Port 22222\nHost db\n  HostName db.test\n")
    (tmp_path / "three.conf").write_text(f"Host web\n  Include {tmp_path}/one.conf\nHost *\n Port 3\n")
    (tmp_path / "web.conf").write_text("User by-token\n")
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc/self.conf").write_text("Include {tmp_path}/inc/self.conf\n".replace("{tmp_path}", str(tmp_path)))
    (tmp_path / "inc/wrong.conf").write_text("Port none\n")
    (tmp_path / "inc/open.conf").write_text("User open\n")
    (tmp_path / "inc/open.conf").chmod(0o666)
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.setenv("MY_SOCK", "/run/my.sock")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    config = folder / "config"
    for name in ("self", "wrong", "open"):
        text = text.replace(f"{{folder}}/{name}.conf", f"{folder}/inc/{name}.conf")
    config.write_text(text.replace("{folder}", str(folder)).replace("{{", "{").replace("}}", "}"))
    return config


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("host", ["web", "db"])
def test_a_file_means_what_ssh_says(folder: Path, case: str, host: str) -> None:
    assert differences(write(folder, CASES[case]), host) == {}


def test_ssh_judges_cases_of_both_kinds(folder: Path) -> None:
    kinds = ("an open quote", "wrong port", "match without a condition", "ports by name", "match final", "jump chain")
    assert [by_ssh(write(folder, CASES[kind]), "web") is None for kind in kinds] == [True] * 3 + [False] * 3


def reading(folder: Path, text: str) -> SSHConfig:
    return SSHConfig(config_files(str(write(folder, text)), os.environ), Criteria(operator(), os.environ))


NAMED = {
    "Match localnetwork 10.0.0.0/8\n User u\n": "does not judge Match localnetwork",
    "Match !localnetwork 10.0.0.0/8\n User u\n": "does not judge Match localnetwork",
    "Match version x\n User u\n": "does not judge Match version",
    "Host web\n BindInterface eth1\n": "does not honour the ssh option bindinterface",
    "VerifyHostKeyDNS yes\n": "does not honour the ssh option verifyhostkeydns",
    "TomorrowsOption 1\n": "ssh option tomorrowsoption is not known to swarmnet",
}


@pytest.mark.parametrize("text", NAMED)
def test_what_is_not_honoured_is_named_once_with_file_and_line(folder: Path, text: str) -> None:
    config = reading(folder, "# first\n" + text)
    for _ in range(2):
        options, _ = config.look_up("web")
        assert options.get("user") is None
    (warning,) = config.warnings
    assert NAMED[text] in warning.text
    assert str(warning).startswith(f"{folder}/config:{2 + text.startswith('Host')}: ")


@pytest.mark.parametrize(
    "text", ["Host db\n BindInterface eth1\n", "VerifyHostKeyDNS no\n", "IgnoreUnknown To*\nTomorrowsOption 1\n"]
)
def test_what_does_not_matter_is_not_named(folder: Path, text: str) -> None:
    config = reading(folder, text)
    config.look_up("web")
    assert config.warnings == ()


# What ssh 9.2, which judges the cases above, does not know yet; by ssh_config(5) of 9.4 and later.
NEWER = {
    "Tag lab\nMatch tagged l*,!lax\n User u\n": "u",
    "Match tagged lab\n User wrong\nHost *\n Tag lab\n User u\n": "u",
    "Tag lab\nMatch !tagged lab\n User wrong\n": None,
    'Match tagged ""\n User untagged\n': "untagged",
    "Include {folder}/%n.conf\n": "by-token",
    "Include ${{PLACE}}/one.conf\n": "from-one",
    "Include ${{NOT_SET_HERE}}/one.conf\nUser u\n": "u",
}


@pytest.mark.parametrize("text", NEWER)
def test_tags_and_includes_of_newer_versions(folder: Path, text: str) -> None:
    options, _ = reading(folder, text).look_up("web")
    line = options.get("user")
    assert (line.first if line else None) == NEWER[text]


def test_a_wrong_line_is_named_with_its_file(folder: Path) -> None:
    with pytest.raises(UsageError, match=rf"{folder}/config:2: 'x' is not a port"):
        reading(folder, "User u\nPort x\n").look_up("web")


def test_programs_are_not_given_the_passphrase_of_keys(folder: Path) -> None:
    config = reading(folder, 'Match exec "env > {folder}/seen"\n User u\n')
    config.look_up("web")
    assert "HOME=" in (folder / "seen").read_text()
