"""What an encoder knows on its way: the means of each stage's maps, the features, the embedding."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.models.encoder import Encoder, Stage, evaluating

FEATURES = "features"
EMBEDDING = "embedding"


def layer_names(encoder: Encoder) -> tuple[str, ...]:
    """Return all layers that `embed_layers` can give, from the first stage to the embedding."""
    return (*(stage.name for stage in encoder.stages()), FEATURES, EMBEDDING)


@torch.inference_mode()
def embed_layers(
    encoder: Encoder,
    windows: np.ndarray,
    layers: Sequence[str] = (EMBEDDING,),
    body: str | None = None,
    batch_windows: int = 64,
) -> dict[str, np.ndarray]:
    """Return what several layers of an encoder make of windows of frames.

    Args:
        encoder: In either mode; it is evaluated.
        windows: uint8 (N, T, H, W, 3), RGB, the newest frame last; T = 1 for most encoders.
        layers: Names of `layer_names`. Of a stage, the mean of each channel over the map's places
            (for a transformer over its tokens), and over frames that it sees one by one.
        body: As `Encoder.embed` takes it.
        batch_windows: Windows per forward pass.

    Returns:
        By layer float32 (N, width).

    Raises:
        UserError: If there is no such layer, or the windows are not T frames.
    """
    for layer in layers:
        if layer not in layer_names(encoder):
            raise unknown_name("layer of the encoder", layer, layer_names(encoder))
    if windows.dtype != np.uint8 or windows.ndim != 5 or windows.shape[1] != encoder.num_frames:
        raise UserError(
            f"embed_layers expects uint8 (N, {encoder.num_frames}, H, W, 3), found "
            f"{windows.dtype} {windows.shape}; take the frames that the encoder looks at"
        )
    parts: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}
    stages = [stage for stage in encoder.stages() if stage.name in layers]
    with evaluating(encoder), _listening(stages, _pooled) as heard:
        for start in range(0, len(windows), batch_windows):
            found = _pass(encoder, windows[start : start + batch_windows], body)
            found.update(heard)
            count = len(found[EMBEDDING])
            for layer in layers:
                # Stages that see frames one by one have a row for each.
                rows = found[layer].float().unflatten(0, (count, -1)).mean(dim=1)  # (B, width)
                parts[layer].append(rows.cpu().numpy())
            heard.clear()
    return {layer: np.concatenate(found) for layer, found in parts.items()}


@torch.inference_mode()
def stage_maps(
    encoder: Encoder,
    windows: np.ndarray,
    stages: Sequence[str],
    body: str | None = None,
    batch_windows: int = 64,
) -> dict[str, np.ndarray]:
    """Return what stages of an encoder make of each place of the newest frame of windows.

    Args:
        encoder: In either mode; it is evaluated.
        windows: As `embed_layers` takes them.
        stages: Names of `encoder.stages()`. A transformer's tokens are laid out as the square that
            the last of them form; what stands before them, such as a class token, is left out.
        body: As `Encoder.embed` takes it.
        batch_windows: Windows per forward pass.

    Returns:
        By stage float32 (N, C, h, w).

    Raises:
        UserError: If there is no such stage.
    """
    known = {stage.name: stage for stage in encoder.stages()}
    for name in stages:
        if name not in known:
            raise unknown_name("stage of the encoder", name, known)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in stages}
    with evaluating(encoder), _listening([known[name] for name in stages], _laid_out) as heard:
        for start in range(0, len(windows), batch_windows):
            some = windows[start : start + batch_windows]
            _pass(encoder, some, body)
            for name in stages:
                # Stages that see frames one by one have a map for each; the newest is the last.
                maps = heard[name].unflatten(0, (len(some), -1))[:, -1]  # (B, C, h, w)
                parts[name].append(maps.cpu().numpy())
            heard.clear()
    return {name: np.concatenate(found) for name, found in parts.items()}


def _laid_out(maps: torch.Tensor) -> torch.Tensor:
    """Return (N, C, h, w) float32 of maps, or of tokens (N, L, C)."""
    if maps.ndim == 4:
        return maps.float()
    side = math.isqrt(maps.shape[1])
    return maps[:, -(side**2) :].float().transpose(1, 2).unflatten(2, (side, side))


def _pass(encoder: Encoder, windows: np.ndarray, body: str | None) -> dict[str, torch.Tensor]:
    count, num_frames = windows.shape[:2]
    frames = torch.from_numpy(np.array(windows)).flatten(0, 1).to(encoder.device)
    images = encoder.prepare(frames).unflatten(0, (count, num_frames))
    images = images if num_frames > 1 else images[:, 0]
    features = encoder.features(images, encoder.body_index(body, count))
    return {FEATURES: features, EMBEDDING: encoder.normalise(encoder.project(features))}


@contextmanager
def _listening(
    stages: Sequence[Stage], keep: Callable[[torch.Tensor], torch.Tensor]
) -> Iterator[dict[str, torch.Tensor]]:
    """Keep what is wanted of each stage's output in a dictionary that a forward pass fills."""
    heard: dict[str, torch.Tensor] = {}

    def listener(stage: Stage) -> Callable[..., None]:
        def listen(module: nn.Module, given: Any, output: Any) -> None:
            maps = output if isinstance(output, torch.Tensor) else output[0]
            maps = stage.activation(maps) if stage.activation is not None else maps
            heard[stage.name] = keep(maps)

        return listen

    hooks = [stage.module.register_forward_hook(listener(stage)) for stage in stages]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


def _pooled(maps: torch.Tensor) -> torch.Tensor:
    """Return (N, C) of maps (N, C, H, W) or tokens (N, L, C)."""
    if maps.ndim == 4:
        return maps.float().mean(dim=(2, 3))
    return maps.float().mean(dim=1) if maps.ndim == 3 else maps.float()
