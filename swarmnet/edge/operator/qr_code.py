"""QR codes of text, for the screen: a phone or a printer takes over what is shown only once."""

from __future__ import annotations

import io


def qr_lines(text: str) -> list[str]:
    """Return a QR code as lines of half blocks, for a dark screen: what is filled is light."""
    import segno  # noqa: PLC0415 - only the one command that shows a key needs it

    screen = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out=screen, compact=True)
    return screen.getvalue().splitlines()
