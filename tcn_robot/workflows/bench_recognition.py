"""`tcn-robot bench recognition`: what a frozen embedding knows of actions."""

from __future__ import annotations

from tcn_robot.errors import UserError


def main(arguments: list[str]) -> None:
    """Run the command."""
    raise UserError("not there yet")
