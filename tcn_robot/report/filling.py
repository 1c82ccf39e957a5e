"""Fills the templates of our pages: what all of them share stands here."""

from __future__ import annotations

import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup


def with_code(text: str) -> Markup:
    """Return a text, escaped, in which what stands in `backticks` is code."""
    from markupsafe import Markup, escape

    parts = [escape(part) for part in text.split("`")]
    if len(parts) % 2 == 0:  # a lone backtick is a backtick
        parts[-2:] = [parts[-2] + "`" + parts[-1]]
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if at % 2 else part for at, part in enumerate(parts))


def fill_template(name: str, **values: Any) -> str:
    """Return a page of `templates/` as text.

    Every text is escaped, and a name that a template asks for and nobody gives is a fault. Pages
    get `style`, `date` and `tool_version` besides.

    Args:
        name: File below `templates/`.
        values: What the template shows.
    """
    import jinja2

    from tcn_robot import __version__

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tcn_robot.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_code"] = with_code
    style = resources.files("tcn_robot.report").joinpath("templates/style.css").read_text("utf-8")
    return environment.get_template(name).render(
        style=style,
        date=datetime.date.today().isoformat(),
        tool_version=__version__,
        **values,
    )
