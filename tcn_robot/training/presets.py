"""Configurations with a name: what papers and their code trained with.

To add one: a function that returns a `TrainConfig`, and a line in `PRESETS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tcn_robot.errors import unknown_name
from tcn_robot.training.config import TrainConfig, make_config

# What our defaults have and no paper here has: a warm-up, clipping, shifts and blur.
_PLAIN: dict[str, Any] = {
    "rate_schedule": "constant",
    "warmup_steps": 0,
    "clip_norm": 0.0,
    "shift_px": 0,
    "blur": 0.0,
}
# Both official configurations of TCN: Adam at one rate, L2 1e-6 in the gradient; colours are
# changed as here and no other way.
_OFFICIAL_TCN: dict[str, Any] = {
    **_PLAIN,
    "optimiser": "adam",
    "weight_decay": 1e-6,
    "contrast": 0.0,
    "brightness": 0.125,
    "saturation": 0.5,
}


def svtcn() -> TrainConfig:
    """Single-view TCN as its official code configures it (Sermanet et al. 2018).

    Semi-hard triplets with margin 0.2; positives within 6 frames and negatives beyond 12, which
    are 0.2 s and 0.4 s at their 29 frames per second; 36 frames from one stretch of 36.

    Differs from the code: the encoder is the small one, which needs no weights of others, and sees
    small frames instead of 299 pixels; steps are the trainer's usual number instead of 1,000,000.
    """
    return make_config(
        "tcn",
        **_OFFICIAL_TCN,
        pairing="times",
        loss="triplet",
        margin=0.2,
        positive_radius_frames=6,
        exclusion_frames=12,
        window_frames=36,
        batch_frames=36,
        episodes_per_batch=1,
        learning_rate=1e-3,
    )


# pouring.yml, without its network.
_POURING: dict[str, Any] = {
    **_OFFICIAL_TCN,
    "loss": "npairs",
    "regularisation": 0.002,
    "window_frames": 580,
    "batch_frames": 32,
    "episodes_per_batch": 1,
    "learning_rate": 1e-4,
    "steps": 1_000_000,
    "window_area_min": 0.8,
    "window_area_max": 3.0,
    "image_size_px": 299,
    "dimension": 32,
    "head": "tcn",
    "trainable": "head",
}


def tcn_pouring() -> TrainConfig:
    """Multi-view TCN as the official code trains it on pouring, on InceptionV3 to Mixed_5d.

    N-pairs over 16 pairs of one sequence from a window of 580 frames (20 s). The network is
    frozen below the head: name imported weights with `weights`.

    Differs from the code: no dropout (0.2 there, on the network's activations and after the fully
    connected layer), since nothing here draws from a global source of randomness; brightness is
    scaled by up to 1 ± 0.125 where the code adds up to 32 of 255; where a window is larger than
    the frame its border is repeated, and not black; frames are embedded whole, without the code's
    padding by 200 pixels (`pad200`).
    """
    return make_config("tcn", encoder="inception", **_POURING)


def tcn_pouring_resnet() -> TrainConfig:
    """The same on the official code's other network, a ResNet-50.

    Differs from the code: "v1.5" instead of "v2" (norms before convolutions), whose weights
    everybody has; and the head of the default network, where the code averages the maps of two
    adaptation convolutions.
    """
    return make_config("tcn", encoder="resnet", depth=50, **_POURING)


def tempo() -> TrainConfig:
    """Tempo as its code trains it: ResNet-34, 200 pairs within 30 frames, SGD, 15 epochs.

    An epoch are 3,760 frames of one film. It begins with ImageNet's weights: name imported ones
    with `weights`.
    """
    return make_config(
        "tempo",
        **_PLAIN,
        encoder="resnet",
        depth=34,
        head="pooled",
        image_size_px=128,
        batch_frames=400,
        steps=282,
        density="uniform",
        proximity_frames=30,
        redundancy=1e-3,
        projector_hidden=1024,
        projector_dimension=1024,
        optimiser="sgd",
        sgd_momentum=0.0,
        learning_rate=1e-3,
        weight_decay=1e-3,
        brightness=0.0,
        contrast=0.0,
        saturation=0.0,
    )


# The released code of November 2020; an epoch has 100 films in each of its steps.
_OFFICIAL_TCE: dict[str, Any] = {
    **_PLAIN,
    "encoder": "resnet",
    "image_size_px": 224,
    "dimension": 128,
    "batch_frames": 200,
    "steps": 120_000,
    "bank_slots": 1,
    "bank_negatives": 8192,
    "normaliser_momentum": 1.0,
    "sigreg_weight": 0.0,
    "optimiser": "sgd",
    "sgd_momentum": 0.9,
    "learning_rate": 0.03,
    "weight_decay": 1e-4,
    "rate_schedule": "step",
    "rate_decay_steps": 60_000,
    "rate_decay_factor": 0.1,
    "brightness": 0.5,
    "contrast": 0.5,
    "saturation": 0.5,
    "hue": 0.25,
    "grey_probability": 0.5,
    "flip_probability": 0.5,
}


def tce() -> TrainConfig:
    """TCE as its code of November 2020 trains it on Kinetics-400: ResNet-18 on RGB frames.

    100 films in a batch, 50 epochs of 240,000 films, the rate a tenth from the 25th on.

    Differs from the code: its faults, see docs/objectives/tce.md; each frame of a pair is flipped
    by a draw of its own, as all changes are, where the code flips both or none (with
    `augmentation_sharing` view they would share the crop and the colours too).
    """
    return make_config("tce", depth=18, **_OFFICIAL_TCE)


def tce_2020() -> TrainConfig:
    """TCE of April 2020: ResNet-50 on the stack of 5 differences of 6 frames, 15 channels.

    Pre-training was not released then: optimiser, batch and augmentation are those of November,
    with the same difference: flips are drawn per clip, not per pair.
    """
    return make_config("tce", depth=50, num_frames=6, differences=True, **_OFFICIAL_TCE)


def mftcn() -> TrainConfig:
    """Multi-frame TCN (Dwibedi et al. 2018): n-pairs over clips of 5 frames, Adam.

    Optimiser, colours and the 32 frames of one sequence are those of TCN's official code, with the
    rate of its default configuration; the paper's own were not released.

    Differs from the paper: the small encoder, whose early convolutions see each frame by itself
    before a 3-D convolution joins them, in place of InceptionV3; steps and size of the frames are
    the trainer's usual ones, and pairs come from whole episodes.
    """
    return make_config(
        "mftcn",
        **_OFFICIAL_TCN,
        num_frames=5,
        batch_frames=32,
        episodes_per_batch=1,
        learning_rate=1e-3,
    )


def xirl() -> TrainConfig:
    """TCC as XIRL pre-trains it (Zakka et al. 2021): ResNet-18, 4 films of 40 frames, 4,000 steps.

    It begins with ImageNet's weights: name imported ones with `weights`.

    Differs from the code: the frames of a film share a draw of the augmentation there too, but
    windows, colours and blur are the usual ones here.
    """
    return make_config(
        "tcc",
        encoder="resnet",
        depth=18,
        head="linear",
        image_size_px=112,
        dimension=32,
        batch_frames=160,
        episodes_per_batch=4,
        steps=4000,
        cycle_loss="regression_mse",
        temperature=1.0,
        optimiser="adam",
        learning_rate=1e-5,
        rate_schedule="constant",
        warmup_steps=0,
        weight_decay=1e-4,
        clip_norm=0.0,
        augmentation_sharing="view",
    )


PRESETS: dict[str, Callable[[], TrainConfig]] = {
    "svtcn": svtcn,
    "tcn_pouring": tcn_pouring,
    "tcn_pouring_resnet": tcn_pouring_resnet,
    "tempo": tempo,
    "tce": tce,
    "tce_2020": tce_2020,
    "mftcn": mftcn,
    "xirl": xirl,
}


def find_preset(name: str) -> TrainConfig:
    """Return the configuration of that name.

    Raises:
        UserError: If there is none; the message has the nearest name.
    """
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]()
