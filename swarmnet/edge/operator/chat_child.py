"""A program that hands one message to the services of apprise, started by ``chat``: what it does can fail only itself.

On stdin it gets JSON with ``urls``, ``title`` and ``body``, so that no URL is in the list of processes. It prints, for
each URL, whether the service took the message; where ``body`` is null, whether apprise can use the URL.
"""

from __future__ import annotations

import json
import sys

import apprise


def main() -> None:
    """Send the message of stdin, and print a list of true and false."""
    asked = json.load(sys.stdin)
    title, body = asked["title"], asked["body"]
    json.dump([_is_usable(url) if body is None else _is_sent(url, title, body) for url in asked["urls"]], sys.stdout)


def _is_usable(url: str) -> bool:
    return apprise.Apprise.instantiate(url) is not None


def _is_sent(url: str, title: str, body: str) -> bool:
    services = apprise.Apprise()
    return bool(services.add(url) and services.notify(title=title, body=body))


if __name__ == "__main__":
    main()
