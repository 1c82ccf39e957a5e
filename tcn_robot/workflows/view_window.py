"""A window that shows several views side by side and hears keys and a gamepad (pygame)."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.workflows.gamepad import Gamepad, GamepadState, open_gamepad

VIEW_HEIGHT_PX = 360
MAXIMUM_WIDTH_PX = 1_600
GAP_PX = 8
CAPTION_PX = 26
STATUS_PX = 34
FONT_PX = 17
UNSEEN = ("offscreen", "dummy")
GROUND, INK, SOFT = (24, 26, 30), (236, 238, 242), (150, 156, 166)


def layout(
    sizes_px: Mapping[str, tuple[int, int]],
    height_px: int = VIEW_HEIGHT_PX,
    maximum_width_px: int = MAXIMUM_WIDTH_PX,
) -> tuple[dict[str, tuple[int, int, int, int]], tuple[int, int]]:
    """Return where each view goes, (left, top, width, height), and the window's (width, height).

    Args:
        sizes_px: (width, height) of each view's pictures.
        height_px: Height to show all of them at, less where they would not fit side by side.
        maximum_width_px: Of the window.
    """
    shares = {view: width / height for view, (width, height) in sizes_px.items()}
    gaps = GAP_PX * (len(shares) + 1)
    height = min(height_px, int((maximum_width_px - gaps) / sum(shares.values())))
    places, left = {}, GAP_PX
    for view, share in shares.items():
        width = max(round(share * height), 1)
        places[view] = (left, GAP_PX, width, height)
        left += width + GAP_PX
    return places, (max(left, 320), height + 2 * GAP_PX + CAPTION_PX + STATUS_PX)


class ViewWindow:
    """Shows frames, and gives the keys pressed and held.

    Args:
        title: Title of the window.

    Raises:
        UserError: If pygame is missing or there is no display.
    """

    def __init__(self, title: str) -> None:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        # An OpenGL context of the window would keep simulators from rendering in this thread.
        os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        try:
            import pygame
        except ImportError as error:
            raise UserError(
                "a window needs pygame; install it with `pip install 'tcn-robot[window]'`"
            ) from error
        self._pygame = pygame
        try:
            pygame.display.init()
            # What SDL takes when it finds no display, and what nobody could see.
            if "SDL_VIDEODRIVER" not in os.environ and pygame.display.get_driver() in UNSEEN:
                pygame.display.quit()
                raise pygame.error("no display was found")
            pygame.font.init()
            pygame.joystick.init()
            self._desktop_px = pygame.display.get_desktop_sizes()[0]
            self._screen = pygame.display.set_mode((640, 400), pygame.RESIZABLE)
        except pygame.error as error:
            raise UserError(
                f"no window can be opened ({error}); a window needs a display: `capture` has "
                "--preview page for a box without one"
            ) from error
        pygame.display.set_caption(title)
        self._font = pygame.font.SysFont("dejavusans,arial,helvetica", FONT_PX)
        self._sizes_px: dict[str, tuple[int, int]] = {}
        self._held: set[str] = set()
        self._pads: dict[int, Gamepad] = {}
        self.closed = False

    def show(self, frames: Mapping[str, np.ndarray], status: Mapping[str, str]) -> list[str]:
        """Show frames, uint8 (H, W, 3) RGB, and texts; return the keys pressed since.

        Args:
            frames: By view.
            status: "state" goes to the bottom line, a view's name to its caption, others follow.

        Returns:
            Lower-case names such as "space", "return", "left", "q"; "escape" when the window
            was closed.
        """
        pygame = self._pygame
        keys = self._hear()
        sizes_px = {view: (frame.shape[1], frame.shape[0]) for view, frame in frames.items()}
        places: dict[str, tuple[int, int, int, int]] = {}
        size_px = self._screen.get_size()
        if frames:
            widest_px = min(self._desktop_px[0] - 2 * GAP_PX, MAXIMUM_WIDTH_PX)
            places, size_px = layout(sizes_px, maximum_width_px=widest_px)
        if sizes_px != self._sizes_px:
            self._sizes_px = sizes_px
            self._screen = pygame.display.set_mode(size_px, pygame.RESIZABLE)
            pygame.display.set_window_position(
                [
                    max((room - used) // 2, 0)
                    for room, used in zip(self._desktop_px, size_px, strict=True)
                ]
            )
        self._screen.fill(GROUND)
        for view, (left, top, width, height) in places.items():
            surface = pygame.surfarray.make_surface(frames[view].swapaxes(0, 1))
            # Small pictures keep their pixels, so that one sees what the encoder will see.
            enlarges = height > surface.get_height()
            scale = pygame.transform.scale if enlarges else pygame.transform.smoothscale
            self._screen.blit(scale(surface, (width, height)), (left, top))
            self._write(view, (left, top + height + 4), INK)
            self._write(status.get(view, ""), (left + 80, top + height + 4), SOFT)
        rest = [text for name, text in status.items() if name not in places]
        self._write("   ".join(rest), (GAP_PX, self._screen.get_height() - STATUS_PX + 4), INK)
        pygame.display.flip()
        return keys

    def held(self) -> frozenset[str]:
        """Return the keys held down now."""
        return frozenset(self._held)

    def gamepad(self) -> GamepadState | None:
        """Return what the first gamepad says; None without one."""
        first = next(iter(self._pads.values()), None)
        return None if first is None else first.state()

    def save(self, path: str) -> None:
        """Write what the window shows into a picture file."""
        self._pygame.image.save(self._screen, path)

    def close(self) -> None:
        """Close the window."""
        self.closed = True
        self._pygame.display.quit()
        self._pygame.joystick.quit()

    def _hear(self) -> list[str]:
        pygame = self._pygame
        keys = []
        for event in pygame.event.get():
            if event.type == pygame.KEYDOWN:
                name = pygame.key.name(event.key).lower()
                keys.append(name)
                self._held.add(name)
            elif event.type == pygame.KEYUP:
                self._held.discard(pygame.key.name(event.key).lower())
            elif event.type == pygame.WINDOWFOCUSLOST:
                self._held.clear()  # their release goes to another window
            elif event.type == pygame.QUIT:
                self.closed = True
                keys.append("escape")
            elif event.type == pygame.JOYDEVICEADDED:
                pad = open_gamepad(event.device_index)
                self._pads[pad.instance_id] = pad
            elif event.type == pygame.JOYDEVICEREMOVED:
                self._pads.pop(event.instance_id, None)
        return keys

    def _write(self, text: str, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
        if text:
            self._screen.blit(self._font.render(text, True, colour), place)
