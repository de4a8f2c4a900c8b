from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from swarmnet.edge.targets.location import S3Location, SftpLocation, is_url, read_location
from swarmnet.errors import UsageError


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("/mnt/usb", Path("/mnt/usb")),
        ("./a:b", Path("a:b")),
        ("s3://copies", S3Location("copies")),
        ("s3://copies/swarm/prod/", S3Location("copies", "swarm/prod")),
        ("sftp://nas/srv/backups", SftpLocation("nas", "/srv/backups")),
        ("sftp://bob@nas:2222/~/backups/", SftpLocation("nas", "backups", "bob", 2222)),
        ("sftp://[fd00::7]/srv", SftpLocation("fd00::7", "/srv")),
    ],
)
def test_what_names_a_target(text: str, means: object) -> None:
    location = read_location(text)
    assert location == means
    assert isinstance(location, Path) or read_location(str(location)) == location


@pytest.mark.parametrize(
    "text",
    [
        "ftp://host/x",
        "s3://",
        "s3://A_B/x",
        "s3://key@copies/x",
        "s3://copies:9000/x",
        "s3://copies/../x",
        "s3://copies/x?versionId=1",
        "sftp://nas",
        "sftp://nas/",
        "sftp:///srv",
        "sftp://nas/srv/../../etc",
        "sftp://-oProxyCommand=x/srv",
        "sftp://nas:port/srv",
    ],
)
def test_what_names_none_says_what_to_write(text: str) -> None:
    with pytest.raises(UsageError) as found:
        read_location(text)
    assert "://" in (found.value.hint or "")


@given(st.from_regex(r"pw[A-Za-z0-9!$&'()*+,;=._~-]{6,20}", fullmatch=True), st.sampled_from(["sftp", "s3", "https"]))
@example("hunter2hunter2", "sftp")
def test_a_password_is_refused_and_not_repeated(password: str, scheme: str) -> None:
    for begin in (f"{scheme}://", f"{scheme}:"):
        with pytest.raises(UsageError) as found:
            read_location(f"{begin}me:{password}@host/backups")
        assert password not in f"{found.value.message} {found.value.hint}"


@given(st.text(max_size=40))
def test_any_text_is_a_directory_or_a_target_or_refused(text: str) -> None:
    try:
        location = read_location(text)
    except (UsageError, ValueError):
        return
    assert isinstance(location, Path) is not is_url(text)
