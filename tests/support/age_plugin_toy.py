#!/usr/bin/env python3
"""A plugin of age whose key keeps nothing secret, to see that plugins are run (C2SP, ``age-plugin.md``)."""

from __future__ import annotations

import base64
import sys

LINE = 64
"""Characters of a full line of a body; a shorter one ends it."""


def read() -> tuple[list[str], bytes]:
    """Return the next stanza: its words, and its body."""
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    body = ""
    while True:
        part = sys.stdin.readline().rstrip("\n")
        body += part
        if len(part) < LINE:
            return line.split()[1:], base64.b64decode(body + "=" * (-len(body) % 4))


def send(*words: str, body: bytes = b"") -> None:
    """Send a stanza; a body here is shorter than a line."""
    text = base64.b64encode(body).decode().rstrip("=")
    sys.stdout.write(f"-> {' '.join(words)}\n{text}\n")
    sys.stdout.flush()


def turned(key: bytes) -> bytes:
    return bytes(byte ^ 0x55 for byte in key)


def main(mode: str) -> None:
    """Answer one run: ``recipient-v1`` wraps, ``identity-v1`` opens."""
    seen: list[tuple[list[str], bytes]] = []
    while (stanza := read())[0][0] != "done":
        seen.append(stanza)
    if mode == "recipient-v1":
        for number, key in enumerate(body for words, body in seen if words[0] == "wrap-file-key"):
            send("recipient-stanza", str(number), "toy", body=turned(key))
            read()
    else:
        for words, body in seen:
            if words[0] == "recipient-stanza" and words[2] == "toy":
                send("file-key", words[1], body=turned(body))
                read()
    send("done")


if __name__ == "__main__":
    main(sys.argv[1].partition("=")[2])
