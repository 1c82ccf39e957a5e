"""Gamepads as SDL knows them: the same sticks and buttons whatever the maker numbered them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

DEAD_ZONE = 0.12
NUM_STICK_AXES = 4
NUM_BUTTONS = 15
_FULL_AXIS = 32_767


@dataclass(frozen=True)
class GamepadState:
    """What a gamepad says now.

    Attributes:
        axes: In (-1, 1), zero within the dead zone: left x, left y, right x, right y as far as
            the gamepad has them; down and right are positive.
        buttons: Numbers of the buttons held down; 0 is the lower one of the four on the right.
    """

    axes: tuple[float, ...]
    buttons: frozenset[int]


def without_dead_zone(value: float, dead_zone: float = DEAD_ZONE) -> float:
    """Return an axis that is 0 within the dead zone and grows from there to 1 without a step."""
    size = abs(value)
    if size <= dead_zone:
        return 0.0
    return float(np.sign(value)) * min((size - dead_zone) / (1.0 - dead_zone), 1.0)


class Gamepad(Protocol):
    """A gamepad that is plugged in."""

    instance_id: int

    def state(self) -> GamepadState:
        """Return what it says now."""
        ...


class KnownGamepad:
    """One whose layout SDL knows; a trigger is never taken for a stick."""

    def __init__(self, controller: Any) -> None:
        self._controller = controller
        self.instance_id: int = controller.as_joystick().get_instance_id()

    def state(self) -> GamepadState:
        """Return what it says now."""
        levels = [self._controller.get_axis(axis) / _FULL_AXIS for axis in range(NUM_STICK_AXES)]
        pressed = (b for b in range(NUM_BUTTONS) if self._controller.get_button(b))
        return GamepadState(tuple(map(without_dead_zone, levels)), frozenset(pressed))


class UnknownGamepad:
    """One that SDL has no layout for; its own numbers are taken as they are."""

    def __init__(self, joystick: Any) -> None:
        self._joystick = joystick
        self.instance_id: int = joystick.get_instance_id()

    def state(self) -> GamepadState:
        """Return what it says now."""
        num_axes = min(self._joystick.get_numaxes(), NUM_STICK_AXES)
        levels = [self._joystick.get_axis(axis) for axis in range(num_axes)]
        buttons = range(self._joystick.get_numbuttons())
        pressed = (button for button in buttons if self._joystick.get_button(button))
        return GamepadState(tuple(map(without_dead_zone, levels)), frozenset(pressed))


def open_gamepad(device_index: int) -> Gamepad:
    """Open a gamepad by its place among those that are plugged in; pygame must be initialised."""
    import pygame
    from pygame._sdl2 import controller

    if not controller.get_init():
        controller.init()
    if controller.is_controller(device_index):
        return KnownGamepad(controller.Controller(device_index))
    return UnknownGamepad(pygame.joystick.Joystick(device_index))
