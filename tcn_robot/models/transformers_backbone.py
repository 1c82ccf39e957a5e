"""Vision networks of the `transformers` package: ResNet, ConvNeXt, ViT, DINOv2, DINOv3 and others.

From scratch by the type of the model, or pretrained from a local folder or the Hub. The package is
imported where it is needed; `pip install 'tcn-robot[backbones]'` brings it.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import torch
from torch import nn

from tcn_robot.errors import UserError
from tcn_robot.models.backbone import BackboneConfig, BackboneEncoder
from tcn_robot.models.planes import IMAGENET, inflated
from tcn_robot.models.transformers_source import (
    COMMON_TYPES,
    faults,
    first_line,
    load_pretrained,
    model_of_type,
    stored_options,
)


@dataclass(frozen=True, kw_only=True)
class TransformersConfig(BackboneConfig):
    """Shape of an encoder on a network of `transformers`.

    Attributes:
        pretrained: Folder with config.json and model.safetensors, or a name on the Hub.
        model_type: Without it: type of a network from scratch, such as resnet, convnext, vit,
            dinov2 or dinov3_vit.
        model_options: Its options as JSON, such as '{"hidden_size": 192}'.
        pooling: What the linear and the pooled head stand on: what the model calls its pooled
            output (ResNet, ConvNeXt: the mean of the maps; DINOv2, DINOv3: the class token; ViT:
            a learnt layer on the class token), cls (the class token), or mean (of the patches).
        image_mean: Mean of red, green and blue, of pixels from 0 to 1; a pretrained network's own
            is taken from its preprocessor_config.json.
        image_std: Their standard deviation, likewise.
    """

    image_size_px: int = 224
    pretrained: str = ""
    model_type: str = ""
    model_options: str = "{}"
    pooling: Literal["model", "cls", "mean"] = "model"
    image_mean: tuple[float, float, float] = IMAGENET[0]
    image_std: tuple[float, float, float] = IMAGENET[1]

    def check(self) -> None:
        """Raise UserError for a shape that cannot be."""
        super().check()
        if bool(self.pretrained) == bool(self.model_type):
            raise UserError(
                "the transformers encoder expects either --pretrained FOLDER or --model-type such "
                f"as vit, found {self.pretrained or 'no folder'} and "
                f"{self.model_type or 'no type'}"
            )
        if min(self.image_std) <= 0:
            raise UserError(f"--image-std must be above 0, found {self.image_std}")
        self.options()

    def options(self) -> dict[str, Any]:
        """Return the model's options.

        Raises:
            UserError: If they are no JSON object.
        """
        try:
            options = json.loads(self.model_options)
        except ValueError as error:
            raise UserError(
                f"--model-options expects JSON such as '{{\"hidden_size\": 192}}': {error}"
            ) from error
        if not isinstance(options, dict):
            raise UserError(f"--model-options expects a JSON object, found {self.model_options}")
        return options


class TransformersEncoder(BackboneEncoder):
    """A vision network of `transformers` with a head.

    Whatever draws numbers while it trains is switched off (dropout, stochastic depth, DINOv3's
    jitter of positions), so that the same seed gives the same weights. Saved, the folder holds
    the network's description and weights: it loads without the folder it came from.
    """

    Config = TransformersConfig
    kind = "transformers"
    config: TransformersConfig

    def __init__(self, config: TransformersConfig, generator: torch.Generator) -> None:
        """Make or load the network; the head's weights are drawn from `generator`.

        Raises:
            UserError: If `transformers` is missing, or there is no such network.
        """
        super().__init__(config)
        if config.pretrained:
            self.backbone, (mean, std) = load_pretrained(
                config.pretrained, config.pooling == "model" and config.head != "tcn"
            )
            self.config = config = replace(config, image_mean=mean, image_std=std)
            self._change_input(config.input_channels, generator)
        else:
            self.backbone = model_of_type(
                config.model_type,
                config.options(),
                config.input_channels,
                config.image_size_px,
                generator,
            )
        self.mean, self.std = config.image_mean, config.image_std
        model_type, options = stored_options(self.backbone)
        self.config = replace(
            config, pretrained="", model_type=model_type, model_options=json.dumps(options)
        )
        self._takes_sizes = "interpolate_pos_encoding" in _parameters(self.backbone)
        self._num_prefix_tokens = num_prefix_tokens(self.backbone)
        self.finish(self._probe(), generator)

    def _change_input(self, num_channels: int, generator: torch.Generator) -> None:
        """Let a pretrained network read more channels, by weights as `inflated` makes them."""
        before = self.backbone
        if num_channels == 3:
            return
        model_type, options = stored_options(before)
        options["num_channels"] = num_channels
        size_px = options.get("image_size", self.config.image_size_px)
        self.backbone = model_of_type(model_type, options, num_channels, size_px, generator)
        shapes = {name: value.shape for name, value in self.backbone.state_dict().items()}
        self.backbone.load_state_dict(
            {
                name: value if value.shape == shapes[name] else inflated(value, num_channels)
                for name, value in before.state_dict().items()
            }
        )

    @torch.no_grad()
    def _probe(self) -> int:
        """Return how many channels the head will see, by looking at one image.

        Raises:
            UserError: If the network does not look at images of this size, or draws at random
                even in evaluation mode, as those do that mask patches.
        """
        size_px = self.config.image_size_px
        patch_px = getattr(self.backbone.config, "patch_size", 1)
        if isinstance(patch_px, int) and patch_px > 0 and size_px % patch_px:
            raise UserError(
                f"{self.config.model_type} expects images whose side is a multiple of {patch_px}, "
                f"found --image-size-px {size_px}; try {size_px // patch_px * patch_px or patch_px}"
            )
        self.backbone.eval()
        channels = self.config.input_channels
        # No two patches look the same, so that their order counts.
        planes = torch.linspace(0, 1, channels * size_px**2).view(1, channels, size_px, size_px)
        try:
            with torch.random.fork_rng(devices=[]):
                (maps, pooled), again = self.look(planes), self.look(planes)
        except faults() as error:
            raise UserError(
                f"{self.config.model_type} cannot read images of {size_px} px: "
                f"{first_line(error)}; try another --image-size-px"
            ) from error
        if not all(torch.allclose(*pair) for pair in zip((maps, pooled), again, strict=True)):
            raise UserError(
                f"{self.config.model_type} embeds the same image in two ways, for it draws at "
                f"random even in evaluation mode; use one such as {', '.join(COMMON_TYPES)}"
            )
        self.backbone.train()
        return maps.shape[1] if self.config.head == "tcn" else pooled.shape[1]

    def look(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the last maps, tokens in their places, and the pooled features."""
        options = {"interpolate_pos_encoding": True} if self._takes_sizes else {}
        seen = self.backbone(pixel_values=planes, **options)
        last = seen.last_hidden_state  # (N, F, H, W), or tokens (N, P + H * W, F)
        maps = last if last.ndim == 4 else patches_in_place(last, self._num_prefix_tokens)
        if self.config.pooling == "cls":
            if last.ndim == 4 or not self._num_prefix_tokens:
                raise UserError(
                    f"{self.config.model_type} has no class token; use --pooling model or mean"
                )
            return maps, last[:, 0]
        pooled = getattr(seen, "pooler_output", None)
        if self.config.pooling == "mean" or pooled is None:
            return maps, maps.float().mean(dim=(2, 3))
        return maps, pooled.flatten(1)

    def blocks(self) -> list[list[nn.Module]]:
        """Return what comes before the layers, each layer or stage, the last with what follows."""
        lists = (module for module in self.backbone.modules() if isinstance(module, nn.ModuleList))
        layers = next((module for module in lists if len(module)), None)
        if layers is None:
            raise UserError(
                f"{self.config.model_type} has no layers; give it some by --model-options"
            )
        before: list[nn.Module] = []
        after: list[nn.Module] = []
        found = False
        for child in self.backbone.children():
            if any(module is layers for module in child.modules()):
                found = True
            else:
                (after if found else before).append(child)
        blocks = [[layer] for layer in layers]
        blocks[-1] = blocks[-1] + after
        return [before, *blocks] if before else blocks


def num_prefix_tokens(model: nn.Module) -> int:
    """Return how many tokens stand before the patches: the class token and registers."""
    has_class_token = any(
        name.rpartition(".")[2] in ("cls_token", "class_embedding")
        for name, _ in model.named_parameters()
    )
    return int(has_class_token) + int(getattr(model.config, "num_register_tokens", 0))


def patches_in_place(tokens: torch.Tensor, num_prefix: int) -> torch.Tensor:
    """Return the patches of square images as maps: (N, P + H * W, F) -> (N, F, H, W).

    Args:
        tokens: Tokens of any kind before those of the patches.
        num_prefix: How many; one more where a model puts its pooled output there.
    """
    for prefix in (num_prefix, num_prefix + 1):
        side = math.isqrt(tokens.shape[1] - prefix)
        if side**2 == tokens.shape[1] - prefix:
            patches = tokens[:, prefix:].unflatten(1, (side, side))  # (N, H, W, F)
            return patches.permute(0, 3, 1, 2)
    raise ValueError(f"{tokens.shape[1]} tokens are no square")


def _parameters(model: nn.Module) -> Sequence[str]:
    return cast(Sequence[str], inspect.signature(model.forward).parameters)
