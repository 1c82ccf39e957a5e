"""Where a network of `transformers` comes from: made from scratch, a local folder, or the Hub."""

from __future__ import annotations

import inspect
import json
import math
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import nn

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.models.planes import IMAGENET

Colours = tuple[float, float, float]
PREPROCESSOR_FILE = "preprocessor_config.json"
# Of a description, what is no shape: it would only tie the folder to a version or a task.
_NOT_STORED = {
    *("transformers_version", "architectures", "_name_or_path", "model_type", "dtype"),
    *("id2label", "label2id", "return_dict", "output_hidden_states", "output_attentions"),
    *("problem_type", "chunk_size_feed_forward", "is_encoder_decoder", "stage_names"),
    *("out_features", "out_indices"),
}
# What `transformers` raises for options and folders that it can make nothing of; what checks its
# options by type has errors of its own, which `_faults` adds.
_FAULTS = (
    *(SafetensorError, OSError, ValueError, KeyError, RuntimeError, TypeError, ImportError),
    *(AttributeError, IndexError, ArithmeticError, AssertionError, MemoryError, StopIteration),
)
COMMON_TYPES = (
    *("convnext", "convnextv2", "dinov2", "dinov2_with_registers", "dinov3_convnext", "dinov3_vit"),
    *("resnet", "swin", "vit"),
)
_RANDOM_SUFFIXES = ("dropout", "dropout_prob", "drop_path_rate", "dropout_rate")
_RANDOM_POSITIONS = ("pos_embed_shift", "pos_embed_jitter", "pos_embed_rescale")


def import_transformers() -> Any:
    """Return the package.

    Raises:
        UserError: If it is not installed, or cannot be imported.
    """
    try:
        import transformers
    except ImportError as error:
        raise UserError(
            f"the transformers encoder needs the package transformers ({error}); "
            "pip install 'tcn-robot[backbones]'"
        ) from error
    return transformers


def faults() -> tuple[type[Exception], ...]:
    """Return what `transformers` raises where a network cannot be made, loaded or looked through.

    Raises:
        UserError: If the package is not installed.
    """
    import_transformers()
    from huggingface_hub.errors import StrictDataclassError

    return (*_FAULTS, StrictDataclassError)


def model_of_type(
    model_type: str,
    options: dict[str, Any],
    num_channels: int,
    image_size_px: int,
    generator: torch.Generator,
) -> nn.Module:
    """Make a network from scratch.

    Args:
        model_type: As `transformers` calls it.
        options: Of its config class.
        num_channels: Of its input, unless the options say so.
        image_size_px: Likewise.
        generator: Draws the weights, by way of a seed: the package knows the global generator
            only, which is left as it was.

    Raises:
        UserError: If there is no such type, or it has no such option.
    """
    transformers = import_transformers()
    known = transformers.CONFIG_MAPPING.keys()
    if model_type not in known:
        raise unknown_name("model type of transformers", model_type, COMMON_TYPES)
    try:
        known_options = transformers.AutoConfig.for_model(model_type)
        for name in options:
            if name.startswith("_") or not hasattr(known_options, name):
                raise unknown_name(f"option of {model_type}", name, known_options.to_dict())
        config = transformers.AutoConfig.for_model(model_type, **options)
        for name, value in (("num_channels", num_channels), ("image_size", image_size_px)):
            if name not in options and hasattr(config, name):
                setattr(config, name, value)
        _switch_off_randomness(config)
        _check_vision_only(transformers, config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
            made = transformers.AutoModel.from_config(config, trust_remote_code=False)
            return cast(nn.Module, made)
    except faults() as error:
        raise UserError(
            f"no {model_type} can be made with {json.dumps(options)}: "
            f"{first_line(error)}; see the options of "
            f"{model_type} in the documentation of transformers"
        ) from error


def _check_vision_only(transformers: Any, config: Any) -> None:
    """Raise UserError unless the model of a config looks at images and at nothing else."""
    known = transformers.MODEL_MAPPING
    model_class = known.get(type(config), None)
    takes = inspect.signature(model_class.forward).parameters if model_class else ()
    if "pixel_values" not in takes or "input_ids" in takes:
        raise UserError(
            f"{config.model_type} is no network for images alone; use one such as "
            f"{', '.join(COMMON_TYPES)}"
        )


def first_line(error: BaseException) -> str:
    """Return what an error says, without its further lines."""
    return next(iter(line for line in str(error).splitlines() if line.strip()), repr(error))


def _switch_off_randomness(config: Any) -> None:
    """Set to 0 whatever draws from the global generator while a network trains."""
    for name in vars(config):
        if name.endswith(_RANDOM_SUFFIXES) and isinstance(getattr(config, name), float):
            setattr(config, name, 0.0)
        if name in _RANDOM_POSITIONS:
            setattr(config, name, None)


def load_pretrained(source: str, needs_pooling: bool) -> tuple[nn.Module, tuple[Colours, Colours]]:
    """Load a network with its weights and its own normalisation of images.

    Args:
        source: A folder, or a name on the Hub. Only safetensors are read, and no code.
        needs_pooling: Whether what the model calls its pooled output is looked at.

    Returns:
        The network, and mean and standard deviation of red, green and blue of pixels from 0 to 1.

    Raises:
        UserError: If it is not there, damaged, lacks weights, or is no network for images.
    """
    transformers = import_transformers()
    folder = Path(source)
    if folder.exists() and not (folder / "config.json").is_file():
        raise UserError(
            f"--pretrained {source} holds no config.json; expected a folder as "
            "save_pretrained of transformers writes it"
        )
    try:
        # Without the word False, transformers asks whether to run code of the folder.
        config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
        config._attn_implementation = None  # may name code on the Hub
        _switch_off_randomness(config)
        _check_vision_only(transformers, config)
        with torch.random.fork_rng(devices=[]):
            model, info = transformers.AutoModel.from_pretrained(
                source,
                config=config,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        colours = _normalisation(_preprocessor_file(source))
    except faults() as error:
        raise _not_loaded(source, error) from error
    missing = sorted(info["missing_keys"])
    if missing and all(name.startswith("pooler.") for name in missing):
        if needs_pooling:
            raise UserError(
                f"--pretrained {source} lacks the pooling layer of {config.model_type}; use "
                "--pooling cls or mean"
            )
        state = model.state_dict()
        for name in missing:  # never looked at; the same in every run
            state[name].zero_()
    elif missing:
        raise UserError(
            f"--pretrained {source} lacks {len(missing)} tensors of {config.model_type}, such as "
            f"{missing[0]}; copy the folder again"
        )
    return model.float(), colours


def _not_loaded(source: str, error: Exception) -> UserError:
    said = first_line(error)
    if Path(source).exists():
        return UserError(
            f"--pretrained {source} cannot be loaded: {said}; expected config.json and "
            "model.safetensors of a network for images"
        )
    return UserError(
        f"--pretrained {source} is no folder here, and the Hub did not give it: {said}; "
        "download it where there is a network and name the folder"
    )


def _preprocessor_file(source: str) -> Path | None:
    if Path(source).is_dir():
        path = Path(source) / PREPROCESSOR_FILE
        return path if path.is_file() else None
    from transformers.utils import cached_file

    found = cached_file(
        source,
        PREPROCESSOR_FILE,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return Path(found) if found else None


def _normalisation(path: Path | None) -> tuple[Colours, Colours]:
    """Read mean and deviation for pixels from 0 to 1; ImageNet's where nothing is said."""
    if path is None:
        return IMAGENET
    said = json.loads(path.read_text("utf-8"))
    if not isinstance(said, dict):
        raise ValueError(f"{path} expects a JSON object, found {said!r:.40}")
    if not said.get("do_normalize", True):
        mean, std = [0.0] * 3, [1.0] * 3
    else:
        mean, std = said.get("image_mean", IMAGENET[0]), said.get("image_std", IMAGENET[1])
    # The network was trained on pixels times this factor, before mean and deviation.
    factor = 255 * said.get("rescale_factor", 1 / 255) if said.get("do_rescale", True) else 255
    if not factor > 0:
        raise ValueError(f"{path} has rescale_factor {factor / 255}, expected more than 0")
    scaled = [tuple(float(value) / factor for value in colours) for colours in (mean, std)]
    wrong = any(len(colours) != 3 for colours in scaled) or not min(scaled[1]) > 0
    if wrong or not all(map(math.isfinite, (*scaled[0], *scaled[1]))):
        raise ValueError(f"{path} has image_mean {mean} and image_std {std}, expected 3 each")
    return cast(tuple[Colours, Colours], tuple(scaled))


def stored_options(model: nn.Module) -> tuple[str, dict[str, Any]]:
    """Return type and options that `model_of_type` makes the same network of again."""
    config = cast(Any, model.config)
    usual = type(config)()  # a foreign description may hold more, such as where its code lies
    options = {
        name: value
        for name, value in config.to_dict().items()
        if name not in _NOT_STORED and not name.startswith("_") and hasattr(usual, name)
    }
    return config.model_type, options
