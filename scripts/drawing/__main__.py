"""Draws the pictures; run by scripts/architecture."""

from __future__ import annotations

from scripts.drawing.svg import ARCHITECTURE, PORT, picture

for drawing in (ARCHITECTURE, PORT):
    drawing.path.write_text(picture(drawing.plan(), drawing), "utf-8")
