"""Augmentation of whole batches on the training device.

What is done to a batch is drawn first, for all of its frames, on the CPU (`draw`); then it is done
to those frames that a process holds, wherever they lie (`apply`). So a seed means the same on every
device and for any number of processes.
"""

from tcn_robot.data.augmentation.applying import apply, augment
from tcn_robot.data.augmentation.blurring import BLUR_KERNEL, blur
from tcn_robot.data.augmentation.colour import GREY_WEIGHTS, recolour, turn_hue
from tcn_robot.data.augmentation.geometry import cut_window, flip, shift
from tcn_robot.data.augmentation.options import AugmentationOptions
from tcn_robot.data.augmentation.parameters import Parameters, draw, sharing_groups

__all__ = [
    "BLUR_KERNEL",
    "GREY_WEIGHTS",
    "AugmentationOptions",
    "Parameters",
    "apply",
    "augment",
    "blur",
    "cut_window",
    "draw",
    "flip",
    "recolour",
    "sharing_groups",
    "shift",
    "turn_hue",
]
