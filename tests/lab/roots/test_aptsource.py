from __future__ import annotations

import pytest

from swarmnet.lab.roots.aptsource import main_archive

UPDATED = """\
http://deb.test/security/|Debian|bookworm-security|main
http://vendor.test/debian/|Vendor|stable|main
http://deb.test/debian/|Debian|bookworm-updates|main
http://deb.test/debian/|Debian|bookworm|non-free
http://deb.test/debian/|Debian|bookworm|main
"""
NEVER_UPDATED = "http://deb.test/packages|||\nhttp://deb.test/debian/||bookworm|main\n"
UBUNTU = "http://ubuntu.test/ubuntu/|Ubuntu|noble|main\n"


@pytest.mark.parametrize(
    ("targets", "is_debian", "uri"),
    [
        pytest.param(UPDATED, True, "http://deb.test/debian/", id="the main archive among others"),
        pytest.param(UPDATED, False, "http://deb.test/debian/", id="Debian next to another system's"),
        pytest.param(NEVER_UPDATED, True, "http://deb.test/debian/", id="by its shape before the first update"),
        pytest.param(NEVER_UPDATED, False, "", id="shapes count on Debian only"),
        pytest.param(UBUNTU, False, "", id="none on Ubuntu"),
        pytest.param("", True, "", id="no apt at all"),
    ],
)
def test_the_archive_is_the_one_that_apt_uses(targets: str, is_debian: bool, uri: str) -> None:  # noqa: FBT001
    assert main_archive(targets, is_debian=is_debian) == uri
