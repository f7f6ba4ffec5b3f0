"""Draws the picture; run by scripts/architecture."""

from __future__ import annotations

from scripts.drawing.plan import read_plan
from scripts.drawing.svg import PICTURE, picture

PICTURE.write_text(picture(read_plan()), "utf-8")
