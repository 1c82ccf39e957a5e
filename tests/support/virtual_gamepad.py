"""A gamepad that SDL itself believes in: its virtual joystick, in the library of pygame."""

from __future__ import annotations

import ctypes
import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

GAMECONTROLLER = 1  # SDL_JOYSTICK_TYPE_GAMECONTROLLER
NUM_AXES, NUM_BUTTONS = 6, 12
STANDARD = (
    "leftx:a0,lefty:a1,rightx:a2,righty:a3,lefttrigger:a4,righttrigger:a5,a:b0,b:b1,x:b2,y:b3"
)


class VirtualGamepad:
    """Moves the axes and presses the buttons of a gamepad that is not there."""

    def __init__(self, sdl: ctypes.CDLL, joystick: int) -> None:
        self._sdl = sdl
        self._joystick = ctypes.c_void_p(joystick)

    def move(self, axis: int, value: float) -> None:
        """Move an axis to a value in [-1, 1]."""
        level = ctypes.c_int16(round(value * 32_767))
        assert self._sdl.SDL_JoystickSetVirtualAxis(self._joystick, axis, level) == 0

    def press(self, button: int, is_down: bool = True) -> None:
        """Press or release a button."""
        level = ctypes.c_uint8(is_down)
        assert self._sdl.SDL_JoystickSetVirtualButton(self._joystick, button, level) == 0


def _sdl_library() -> ctypes.CDLL:
    """Return the SDL 2 that pygame brings along, which is loaded once per process."""
    for file in importlib.metadata.files("pygame-ce") or []:
        if file.name.startswith("libSDL2-2"):
            return ctypes.CDLL(str(Path(str(file.locate())).resolve()))
    pytest.skip("pygame uses the system's SDL here, which has its own place")


class _Guid(ctypes.Structure):
    _fields_ = (("data", ctypes.c_uint8 * 16),)


def _add_layout(sdl: ctypes.CDLL, index: int, layout: str) -> None:
    sdl.SDL_JoystickGetDeviceGUID.restype = _Guid
    guid = bytes(sdl.SDL_JoystickGetDeviceGUID(index).data).hex()
    assert sdl.SDL_GameControllerAddMapping(f"{guid},Virtual,{layout},".encode()) >= 0


@contextmanager
def virtual_gamepad(layout: str = STANDARD) -> Iterator[VirtualGamepad]:
    """Plug a gamepad in; pygame's joysticks must be initialised.

    Args:
        layout: Which of its axes and buttons are which, as SDL's data base of gamepads has it.
    """
    sdl = _sdl_library()
    sdl.SDL_JoystickOpen.restype = ctypes.c_void_p
    index = sdl.SDL_JoystickAttachVirtual(GAMECONTROLLER, NUM_AXES, NUM_BUTTONS, 0)
    assert index >= 0
    _add_layout(sdl, index, layout)  # each time: SDL remembers the last one
    joystick = sdl.SDL_JoystickOpen(index)
    assert joystick
    try:
        yield VirtualGamepad(sdl, joystick)
    finally:
        sdl.SDL_JoystickClose(ctypes.c_void_p(joystick))
        sdl.SDL_JoystickDetachVirtual(index)
