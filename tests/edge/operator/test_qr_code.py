from __future__ import annotations

import segno

from swarmnet.edge.operator.qr_code import qr_lines

KEY = "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" + "QPZRY9X8GF2TVDW0S3JN54KHCE"


def test_every_module_of_the_code_is_on_the_screen_dark_on_light_with_its_quiet_zone() -> None:
    shown = [[char in light for char in line] for line in qr_lines(KEY) for light in ("█▀", "█▄")]
    code = segno.make(KEY, error="l", micro=False)
    modules = [[not dark for dark in row] for row in code.matrix_iter(border=4)]
    assert shown[: len(modules)] == modules
    assert max(map(len, qr_lines(KEY))) < 80
