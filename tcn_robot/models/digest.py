"""What tells one encoder from another: a digest of its config and its weights."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from tcn_robot.models.encoder import Encoder
from tcn_robot.models.foreground import foreground_tensors


def encoder_digest(encoder: Encoder) -> str:
    """Return the first 16 hexadecimal digits of `encoder_sha256`."""
    return encoder_sha256(encoder)[:16]


def encoder_sha256(encoder: Encoder) -> str:
    """Return 64 hexadecimal digits; the same weights in the same shape have the same.

    A foreground counts; where the weights once came from does not.
    """
    described = {"kind": encoder.kind, **dataclasses.asdict(encoder.config)}
    described |= {name: "" for name in ("weights", "pretrained") if name in described}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    tensors = encoder.state_dict()
    if encoder.foreground is not None:
        tensors |= foreground_tensors(encoder.foreground)
    for name, value in sorted(tensors.items()):
        digest.update(name.encode() + b"\0")
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
