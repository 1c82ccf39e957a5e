"""`tcn-robot export-onnx`: an encoder or a policy as one file that runs without torch."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tcn_robot.atomic import PARTIAL_PREFIX
from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from tcn_robot.models import Encoder
    from tcn_robot.policies import Policy

INPUT_NAME = "frames"
OUTPUT_NAME = "embeddings"
POLICY_INPUT_NAME = "observations"
POLICY_OUTPUT_NAME = "actions"
OPSET = 20
# Largest difference from torch that rounding explains, of embeddings of about length 1.
TOLERANCE = 1e-3
# The same of actions, relative to their range: a policy's network is small.
POLICY_TOLERANCE = 1e-5


def export_onnx(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    out: Path,
    body: str | None = None,
) -> None:
    """Write an encoder or a policy as an ONNX file, compared with torch before it is kept.

    An encoder: input `frames`, uint8 (N, S, S, 3), RGB of the encoder's own size, any N; for an
    encoder of T frames (N, T, S, S, 3), the newest last. Output `embeddings`, float32 (N, D).
    Scaling of pixels and of the embeddings' length is inside.

    A policy: input `observations`, float32 (N, O). Output `actions`, float32 (N, A), without noise
    and within the task's range. Of a run with several seeds the first is taken.

    Args:
        run: Run of `train` or `imitate`, one of its seeds, or the folder of an encoder or policy.
        out: File to write, ending with .onnx; it is whole or absent.
        body: Whose frames an encoder with statistics per body will see.
    """
    if out.suffix != ".onnx":
        raise UserError(f"--out must end with .onnx, found {out}")
    from tcn_robot.policies.policy import holds_policy

    if holds_policy(run):
        _export_policy(run, out, body)
    else:
        _export_encoder(run, out, body)


def _export_encoder(run: Path, out: Path, body: str | None) -> None:
    from tcn_robot.models import load_encoder

    encoder = load_encoder(run)
    difference = write_onnx(encoder, out, body)
    size = encoder.image_size_px
    frames = f"{encoder.num_frames}, " if encoder.num_frames > 1 else ""
    print(
        f"{out}: {INPUT_NAME} uint8 (N, {frames}{size}, {size}, 3) -> {OUTPUT_NAME} float32 "
        f"(N, {encoder.dimension}); differs from torch by at most {difference:.1e}"
    )


def _export_policy(run: Path, out: Path, body: str | None) -> None:
    from tcn_robot.policies.policy import find_policies, load_policy

    if body is not None:
        raise UserError(f"--body {body} is for encoders, and {run} is a policy; leave it out")
    folder = find_policies(run)[0]
    policy = load_policy(folder)
    difference = write_policy_onnx(policy, out)
    print(
        f"{out}: {POLICY_INPUT_NAME} float32 (N, {policy.observation_size}) -> "
        f"{POLICY_OUTPUT_NAME} float32 (N, {policy.action_size}), of {folder}; differs from torch "
        f"by at most {difference:.1e}"
    )


def write_onnx(encoder: Encoder, out: Path, body: str | None = None) -> float:
    """Write an encoder as an ONNX file.

    Args:
        encoder: In evaluation mode afterwards.
        out: Whole or absent; replaced if it exists.
        body: As `Encoder.embed` takes it.

    Returns:
        The largest difference between its embeddings and torch's, of frames of noise.

    Raises:
        UserError: If a package is missing, the encoder cannot be exported, or the file disagrees.
    """
    import numpy as np

    _check_packages()
    module = _exported_module(encoder.eval(), encoder.body_index(body, 1))
    size, count = encoder.image_size_px, 3
    window = (encoder.num_frames,) if encoder.num_frames > 1 else ()
    drawn = np.random.default_rng(0).integers(0, 256, (count, *window, size, size, 3))
    frames = drawn.astype(np.uint8)
    what = f"the encoder ({encoder.kind})"
    names = (INPUT_NAME, OUTPUT_NAME)
    return _write(module, frames, out, names, TOLERANCE, what, encoder.device)


def write_policy_onnx(policy: Policy, out: Path) -> float:
    """Write a policy as an ONNX file.

    Args:
        policy: In evaluation mode afterwards.
        out: Whole or absent; replaced if it exists.

    Returns:
        The largest difference between its actions and torch's, of observations of noise.

    Raises:
        UserError: If a package is missing, the policy cannot be exported, or the file disagrees.
    """
    import numpy as np
    import torch

    _check_packages()
    drawn = np.random.default_rng(0).normal(size=(64, policy.observation_size))
    names = (POLICY_INPUT_NAME, POLICY_OUTPUT_NAME)
    return _write(
        policy.eval(),
        drawn.astype(np.float32),
        out,
        names,
        POLICY_TOLERANCE,
        "the policy",
        torch.device("cpu"),
    )


def _write(
    module: torch.nn.Module,
    rows: NDArray[Any],
    out: Path,
    names: tuple[str, str],
    tolerance: float,
    what: str,
    device: torch.device,
) -> float:
    """Export a network, compare it with torch, keep the file; return the largest difference.

    Args:
        module: Of one input and one output.
        rows: An input (N, …); the exported network takes any N.
        out: Whole or absent.
        names: Of input and output.
        tolerance: Largest difference, of outputs of about 1.
        what: What it is called in errors.
        device: Where the network is.
    """
    import numpy as np
    import torch

    inputs = torch.from_numpy(rows).to(device)
    with torch.inference_mode():
        expected = module(inputs).cpu().numpy()
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{PARTIAL_PREFIX}{out.name}")
    try:
        with _quiet():
            torch.onnx.export(
                module,
                (inputs,),
                str(partial),
                input_names=[names[0]],
                output_names=[names[1]],
                dynamic_shapes=({0: torch.export.Dim("N")},),
                opset_version=OPSET,
                external_data=False,
                dynamo=True,
            )
        difference = float(np.abs(run_onnx(partial, rows) - expected).max())
        scale = max(1.0, float(np.abs(expected).max()))
        if not difference <= tolerance * scale:  # NaN, on either side, is no agreement
            raise UserError(
                f"the exported file differs from torch by {difference:.1e}; {what} cannot be "
                "exported with these versions of torch and onnx"
            )
        partial.replace(out)
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise UserError(f"{what} cannot be exported: {str(error).splitlines()[0]}") from error
    finally:
        partial.unlink(missing_ok=True)
    return difference


def _exported_module(encoder: Encoder, body: torch.Tensor | None) -> torch.nn.Module:
    import torch

    class Exported(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, frames: torch.Tensor) -> torch.Tensor:
            if encoder.foreground is not None:
                frames = encoder.foreground(frames)
            if body is None:
                return encoder(frames)  # type: ignore[no-any-return]
            return encoder(frames, body.expand(frames.shape[0]))  # type: ignore[no-any-return]

    return Exported().eval()


def run_onnx(path: Path, rows: NDArray[Any]) -> NDArray[np.float32]:
    """Return what an exported file makes of rows, such as embeddings (N, D) of frames.

    Args:
        path: Written by `write_onnx` or `write_policy_onnx`.
        rows: Frames uint8 (N, S, S, 3), or observations float32 (N, O).
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows})[0]


def _check_packages() -> None:
    import importlib.util

    for name in ("onnx", "onnxscript", "onnxruntime"):
        if importlib.util.find_spec(name) is None:
            raise UserError(f"the export needs the package {name}; pip install 'tcn-robot[onnx]'")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress and its warnings about itself to itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


def main(arguments: list[str]) -> None:
    """Parse the command line and export."""
    parse_and_run(export_onnx, arguments)
