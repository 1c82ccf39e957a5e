"""Figures and films as a template wants them: URIs for every look, sizes, words."""

from __future__ import annotations

from typing import Any

from tcn_robot.look import LOOKS, render_png
from tcn_robot.report.media import Film, data_uri
from tcn_robot.report.section import Drawing


def draw_in_looks(drawing: Drawing) -> dict[str, str]:
    """Draw one figure for light and dark pages, wide and narrow screens."""
    uris = {
        f"{'narrow' if look.narrow else 'wide'}_{'dark' if look.dark else 'light'}": data_uri(
            "image/png", render_png(drawing.draw, look)
        )
        for look in LOOKS
    }
    return {**uris, "alt": drawing.alt, "caption": drawing.caption}


def film_sources(film: Film) -> dict[str, Any]:
    """Return a film and its poster as URIs, and its size."""
    return {
        "mp4": data_uri("video/mp4", film.mp4),
        "poster": data_uri("image/jpeg", film.poster_jpeg),
        "width": film.width_px,
        "height": film.height_px,
    }
