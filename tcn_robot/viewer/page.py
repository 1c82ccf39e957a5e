"""Fills the page: one HTML file with its style and scripts inside and the list of episodes."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from typing import Any
from urllib.parse import quote

from tcn_robot.recordings import Recording
from tcn_robot.recordings.format import episode_folder_name, video_name
from tcn_robot.viewer.listing import Row, as_columns
from tcn_robot.viewer.packing import json_in_page

# In this order; each file may use the ones before it.
SCRIPTS = ("numbers.js", "clock.js", "films.js", "lanes.js", "timeline.js", "list.js", "facts.js")
START_SCRIPT = "page.js"


def data_name(episode_id: int) -> str:
    """Return the address of an episode's data, below the page's own."""
    return f"data/{episode_folder_name(episode_id)}.js"


def poster_name(episode_id: int) -> str:
    """Return the address of an episode's still."""
    return f"posters/{episode_folder_name(episode_id)}.jpg"


def film_name(episode_id: int, view: str) -> str:
    """Return the address of a view's film, quoted as an address needs it."""
    return f"films/{episode_folder_name(episode_id)}/{quote(video_name(view), safe='')}"


def render_page(
    recording: Recording, rows: Iterable[Row], config: dict[str, Any], nonce: str = ""
) -> str:
    """Return the page as text.

    Args:
        recording: The dataset.
        rows: Of the episodes that can be looked at, see `listing.episode_row`.
        config: What the scripts must know: `is_live`, whether a server answers; `query`, what
            addresses end with; `check`, how thoroughly episodes are checked; `findings`, of the
            dataset as a whole; `results`, (id, faults, notes) of the episodes if they are known.
        nonce: Of the server's content policy, if there is one.
    """
    import jinja2

    from tcn_robot import __version__

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tcn_robot.viewer", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates = resources.files("tcn_robot.viewer").joinpath("templates")
    scripts = [templates.joinpath(name).read_text("utf-8") for name in (*SCRIPTS, START_SCRIPT)]
    content = {
        **config,
        "name": recording.path.resolve().name,
        "task": recording.task,
        "kind": str(recording.metadata.get("kind", "")),
        "episodes": as_columns(rows),
    }
    return environment.get_template("page.html.j2").render(
        title=recording.path.resolve().name,
        style=templates.joinpath("style.css").read_text("utf-8"),
        script="\n".join(scripts),
        content=json_in_page(content),
        nonce=nonce,
        version=__version__,
    )
