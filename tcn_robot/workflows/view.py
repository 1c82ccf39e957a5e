"""`tcn-robot view`: a page on which all views of an episode play in step by their true times."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    from tcn_robot.viewer.server import Viewer, ViewerServer

DEFAULT_ADDRESS = "127.0.0.1:8766"
MANY_EPISODES = 2000


def view(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    out: Path | None = None,
    copy: bool = False,
    episodes: tuple[int, ...] = (),
    check: Literal["none", "quick", "full"] = "quick",
    address: str = DEFAULT_ADDRESS,
    open: bool = True,
) -> None:
    """Look at a dataset: all views of an episode in step by their true times, and what was found.

    Serves a page on this machine and opens it in the browser; Ctrl-C ends it. With --out it writes
    the page as a folder instead, which needs no server.

    Args:
        dataset: Folder of the dataset; it is only read.
        out: Write the page into this folder instead of serving it; open its index.html.
        copy: With --out: copy the films too, so that the folder can be moved without the dataset.
        episodes: Ids of episodes; all when none is given.
        check: How thoroughly episodes are checked: hashes and times (quick), every film decoded
            (full), or nothing (none).
        address: HOST:PORT to serve on; elsewhere than on the loopback the address gets a token.
        open: Open the page in the browser.
    """
    if out is not None:
        from tcn_robot.viewer.folder import write_folder

        count = write_folder(dataset, out, episodes, check, copy)
        print(f"{out / 'index.html'}: {count} episodes; open it in a browser")
        return
    if copy:
        raise UserError("--copy belongs to --out; add the folder to write")
    _serve(_open_viewer(dataset, episodes, check), address, open)


def _open_viewer(
    dataset: Path, episodes: tuple[int, ...], check: Literal["none", "quick", "full"]
) -> Viewer:
    from tcn_robot.progress import progress
    from tcn_robot.viewer.dataset import WatchedDataset
    from tcn_robot.viewer.films import PreviewCache
    from tcn_robot.viewer.findings import Findings
    from tcn_robot.viewer.server import Viewer

    watched = WatchedDataset(dataset, episodes)
    if len(watched.recording) >= MANY_EPISODES:  # now, with a bar, and not while the browser waits
        rows, count = watched.rows(), len(watched.recording)
        for _ in progress(rows, count, f"reading the list of {dataset}", "episodes"):
            pass
    return Viewer(watched, Findings(check), PreviewCache())


def _serve(viewer: Viewer, address: str, open_browser: bool) -> None:
    server = _listen(viewer, address)
    try:
        count = len(viewer.dataset.recording)
        print(f"{count} episodes at {server.url} (Ctrl-C ends)", flush=True)
        if open_browser and _has_display():
            webbrowser.open(server.url)
        server.wait()
    except KeyboardInterrupt:  # the way to end it, no interruption of work
        print(file=sys.stderr)
    finally:
        server.close()


def _listen(viewer: Viewer, address: str) -> ViewerServer:
    """Listen on an address; where the usual one is taken, on any free port beside it."""
    from tcn_robot.viewer.server import ViewerServer

    try:
        return ViewerServer(viewer, address)
    except UserError:
        if address != DEFAULT_ADDRESS:
            raise
        return ViewerServer(viewer, "127.0.0.1:0")


def _has_display() -> bool:
    """Return whether a browser would get a window, not this terminal."""
    on_a_desktop = sys.platform in ("darwin", "win32")
    return on_a_desktop or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(view, arguments)
