"""`tcn-robot export-onnx`: an encoder as one file that runs without torch."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from tcn_robot.atomic import PARTIAL_PREFIX
from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from tcn_robot.models import Encoder

INPUT_NAME = "frames"
OUTPUT_NAME = "embeddings"
OPSET = 20
# Largest difference from torch that rounding explains, of embeddings of about length 1.
TOLERANCE = 1e-3


def export_onnx(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    out: Path,
    body: str | None = None,
) -> None:
    """Write an encoder as an ONNX file: uint8 frames in, embeddings out.

    Input `frames`: uint8 (N, S, S, 3), RGB of the encoder's own size, any N; for an encoder of T
    frames (N, T, S, S, 3), the newest last. Output `embeddings`: float32 (N, D). Scaling of pixels
    and of the embeddings' length is inside. The file is compared with torch before it is kept.

    Args:
        run: Run folder, or the encoder folder inside one.
        out: File to write, ending with .onnx; it is whole or absent.
        body: Whose frames it will see, for an encoder with statistics per body.
    """
    from tcn_robot.models import load_encoder

    if out.suffix != ".onnx":
        raise UserError(f"--out must end with .onnx, found {out}")
    encoder = load_encoder(run)
    difference = write_onnx(encoder, out, body)
    size = encoder.image_size_px
    frames = f"{encoder.num_frames}, " if encoder.num_frames > 1 else ""
    print(
        f"{out}: {INPUT_NAME} uint8 (N, {frames}{size}, {size}, 3) -> {OUTPUT_NAME} float32 "
        f"(N, {encoder.dimension}); differs from torch by at most {difference:.1e}"
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
    import torch

    _check_packages()
    module = _exported_module(encoder.eval(), encoder.body_index(body, 1))
    size, count = encoder.image_size_px, 3
    window = (encoder.num_frames,) if encoder.num_frames > 1 else ()
    drawn = np.random.default_rng(0).integers(0, 256, (count, *window, size, size, 3))
    frames = torch.from_numpy(drawn.astype(np.uint8)).to(encoder.device)
    with torch.inference_mode():
        expected = module(frames).cpu().numpy()
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{PARTIAL_PREFIX}{out.name}")
    try:
        with _quiet():
            torch.onnx.export(
                module,
                (frames,),
                str(partial),
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_shapes=({0: torch.export.Dim("N")},),
                opset_version=OPSET,
                external_data=False,
                dynamo=True,
            )
        difference = float(np.abs(run_onnx(partial, frames.cpu().numpy()) - expected).max())
        scale = max(1.0, float(np.abs(expected).max()))
        if difference > TOLERANCE * scale:
            raise UserError(
                f"the exported file differs from torch by {difference:.1e}; this kind of encoder "
                f"({encoder.kind}) cannot be exported with these versions of torch and onnx"
            )
        partial.replace(out)
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise UserError(
            f"the encoder ({encoder.kind}) cannot be exported: {str(error).splitlines()[0]}"
        ) from error
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
            if body is None:
                return encoder(frames)  # type: ignore[no-any-return]
            return encoder(frames, body.expand(frames.shape[0]))  # type: ignore[no-any-return]

    return Exported().eval()


def run_onnx(path: Path, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the embeddings (N, D) that an ONNX file makes of frames uint8 (N, S, S, 3)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run([OUTPUT_NAME], {INPUT_NAME: frames})[0]


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
