"""A headless Chromium, spoken to through its debugging pipe: no extra package is needed."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
ANSWER_SECONDS = 60.0
# Chromium reads commands from descriptor 3 and answers on 4.
FIRST_FREE = 10
TAKE_PIPES = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)


def find_browser() -> str | None:
    """Return the path of a Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One tab of a fresh Chromium that collects everything it complains about or loads."""

    def __init__(self, executable: str, profile: Path) -> None:
        commands_out, self._commands = os.pipe()
        self._answers, answers_in = os.pipe()
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, FIRST_FREE) for end in (commands_out, answers_in)]
        os.close(commands_out)
        os.close(answers_in)
        self._process = subprocess.Popen(
            [sys.executable, "-c", TAKE_PIPES, *map(str, theirs), executable, *FLAGS,
             f"--user-data-dir={profile}", "about:blank"],
            pass_fds=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for end in theirs:
            os.close(end)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; events that arrive meanwhile are kept."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + ANSWER_SECONDS
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            chunk = os.read(self._answers, 1 << 20)
            if not chunk:
                raise RuntimeError("the browser has ended")
            self._buffer += chunk
        text, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(text)

    def open(self, page: Path, width_px: int, height_px: int, dark: bool = False) -> None:
        """Open a file at a screen size and wait until everything on it has loaded."""
        self.go(page.resolve().as_uri(), width_px, height_px, dark)
        self.evaluate(
            """new Promise(done => {
                 const ready = () => document.readyState === "complete"
                   && [...document.images].every(image => image.complete)
                   && [...document.querySelectorAll("video")].every(film => film.readyState >= 2);
                 const poll = tries => ready() || tries == 0 ? done(ready()) :
                   setTimeout(poll, 100, tries - 1);
                 poll(200);
               })"""
        )

    def go(self, address: str, width_px: int, height_px: int, dark: bool = False) -> None:
        """Open an address at a screen size; what is on the page may still be loading."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width_px, height=height_px, deviceScaleFactor=1, mobile=width_px < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url="about:blank")  # another anchor alone would load nothing
        self.call("Page.navigate", url=address)

    def evaluate(self, expression: str) -> Any:
        """Return what a JavaScript expression gives; promises are waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """Save the whole page, also what lies below the fold, as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def look(self, page: Path, width: int, dark: bool) -> dict[str, Any]:
        """Open a page and return what it shows, after checking what holds for every page.

        Nothing complains, nothing is fetched, nothing scrolls sideways, every picture is larger
        than an icon and every film plays.
        """
        self.events.clear()
        self.open(page, width, 900, dark)
        shown: dict[str, Any] = self.evaluate(
            """({
              sections: [...document.querySelectorAll("section")].map(section => section.id),
              images: [...document.images].map(image => image.naturalWidth),
              films: [...document.querySelectorAll("video")].map(
                film => [film.videoWidth, film.duration, film.error && film.error.message]),
              wide: document.documentElement.scrollWidth,
              background: getComputedStyle(document.body).backgroundColor,
            })"""
        )
        assert min(shown["images"]) > 300
        for video_width, _, error in shown["films"]:
            assert error is None
            assert video_width > 0
        assert shown["wide"] <= width, "the page scrolls sideways"
        assert self.complaints() == []
        assert all(url.startswith(("file:", "data:")) for url in self.requests())
        return shown

    def complaints(self) -> list[str]:
        """Return console errors, warnings and exceptions so far."""
        found = []
        for event in self.events:
            parameters = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(str(parameters["exceptionDetails"]))
            if event.get("method") == "Log.entryAdded":
                found.append(str(parameters["entry"]))
            if event.get("method") == "Runtime.consoleAPICalled":
                found.append(str(parameters["args"]))
        return found

    def requests(self) -> list[str]:
        """Return the start of every address the page has asked for."""
        return [
            event["params"]["request"]["url"][:80]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def close(self) -> None:
        """End the browser."""
        try:
            self._session = None
            self.call("Browser.close")
        except (RuntimeError, TimeoutError, OSError):
            self._process.kill()
        self._process.wait(timeout=30)
        os.close(self._commands)
        os.close(self._answers)
