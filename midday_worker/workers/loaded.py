"""What a process has loaded when its work begins: the garbage collector needn't look at it again and again."""

from __future__ import annotations

import gc


def keep_loaded() -> None:
    """Take what there is now out of the garbage collector's sight, once in a process.

    A program that runs one service after another would otherwise keep for ever whatever each of them left behind.
    """
    if gc.get_freeze_count() == 0:
        gc.collect()
        gc.freeze()
