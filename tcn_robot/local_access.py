"""Who may reach a page that this machine serves: the loopback, or whoever carries the token.

Pages of other sites cannot: on the loopback the Host header must be ours, so that a name which
somebody points at us is refused; elsewhere the address needs its token.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import parse_qs, quote, urlsplit

from tcn_robot.errors import UserError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def split_address(address: str, option: str) -> tuple[str, int]:
    """Return host and port of "HOST:PORT".

    Args:
        address: What the user wrote; an IPv6 host may stand in brackets.
        option: What it is for, as the complaint calls it.

    Raises:
        UserError: If it is no such address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UserError(f"{option} should be HOST:PORT, found {address!r}")
    return host.strip("[]"), int(port)


class LocalAccess:
    """The rule of one server.

    Args:
        host: Where it listens.
        token: What an address must carry; made up when None and the host is not the loopback.

    Attributes:
        token: As above; None where none is needed.
        query: What every address of ours ends with: "?token=…" or nothing.
    """

    def __init__(self, host: str, token: str | None = None) -> None:
        self._is_loopback = host in LOOPBACK
        if not self._is_loopback and token is None:
            token = secrets.token_urlsafe(16)
        self.token = token
        self.query = f"?token={quote(token, safe='')}" if token else ""

    def refusal(self, host_header: str | None, query: str) -> str | None:
        """Return why a request is refused, None where it is allowed.

        Args:
            host_header: The request's Host header.
            query: What stands behind the question mark of its address.
        """
        try:
            name = urlsplit(f"//{host_header or ''}").hostname or ""
        except ValueError:
            name = ""
        if self._is_loopback and name not in LOOPBACK:
            return "this address is not ours"
        if self.token is None:
            return None
        token = parse_qs(query).get("token", [""])[0]
        if hmac.compare_digest(token.encode(), self.token.encode()):
            return None
        return "the address needs its token"
