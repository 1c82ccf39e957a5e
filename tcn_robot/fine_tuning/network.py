"""An encoder with a layer of classes on its features: logits of each frame, summed over a film."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.fine_tuning.options import DIFFERENCE_FRAMES, InputName
from tcn_robot.models import Encoder, build_encoder, seeded_generator
from tcn_robot.models.layers import Linear
from tcn_robot.models.weights import check_complete, put_weights

CLASSIFIER_SPREAD = 0.01


class ClassLayer(nn.Module):
    """A linear layer on features that are brought to one scale first.

    What an encoder is trained for says little about how large its features are; of those whose
    embeddings have length 1, nothing at all. A learning rate would mean another thing for each.
    Centre and scale are set once, from films that are trained on, and not learnt. (TCE needs
    neither: its network ends in batch normalisation.)

    Attributes:
        centre: float32 (F,), the mean of each feature.
        scale: float32, one over the root of their mean variance.
    """

    centre: torch.Tensor
    scale: torch.Tensor

    def __init__(self, num_features: int, num_classes: int, generator: torch.Generator) -> None:
        """Draw the weights; features stay as they are until they are settled."""
        super().__init__()
        self.linear = Linear(num_features, num_classes)
        nn.init.normal_(self.linear.weight, std=CLASSIFIER_SPREAD, generator=generator)
        nn.init.zeros_(self.linear.bias)
        self.register_buffer("centre", torch.zeros(num_features))
        self.register_buffer("scale", torch.ones(()))

    def settle(self, features: torch.Tensor) -> None:
        """Set centre and scale by some features (N, F); those that never vary stay as large."""
        self.centre.copy_(features.mean(dim=0))
        variance = float(features.double().var(dim=0, correction=0).mean())
        self.scale.fill_(variance**-0.5 if variance > 0 else 1.0)

    def forward(self, features: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """Return logits (N, K) of features (N, F), of which some may be left out."""
        scaled = (features - self.centre) * self.scale
        return self.linear(scaled if kept is None else scaled * kept)


class ActionNetwork(nn.Module):
    """An encoder's features and a linear layer: the network that is fine-tuned as a whole.

    The layer stands on the features and not on the embedding, as TCE's stands on those of its
    network and not on their projection. Each frame, or window of frames, has its logits; those of a
    film are their sum (Wang et al. 2016, equation 1, with the sum as consensus). With several parts
    (not in the paper) each part of a film has weights of its own, so that the sum keeps order.

    Attributes:
        encoder: Changed by the training.
        classifier: From features (N, F) to logits of each part and class (N, P * K).
        num_classes: K.
        num_parts: P, equal parts of a film; 1 reads all frames by the same weights.
    """

    def __init__(
        self,
        encoder: Encoder,
        num_classes: int,
        generator: torch.Generator,
        num_parts: int = 1,
    ) -> None:
        """Draw the classifier; the encoder is taken as it is."""
        super().__init__()
        self.encoder = encoder
        self.num_classes, self.num_parts = num_classes, num_parts
        self.classifier = ClassLayer(encoder.feature_width, num_parts * num_classes, generator)
        self._frozen: list[nn.Module] = []

    def forward(self, images: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """Return the summed logits of films.

        Args:
            images: (N, S, …), what the encoder takes of each of S segments in order, 0 to 255;
                S is at least P.
            kept: float32 (N * S, F), what scaled features are multiplied with: `dropout_mask`.

        Returns:
            float32 (N, K).
        """
        num_films, num_segments = images.shape[:2]
        features = self.encoder.features(images.flatten(0, 1))  # (N * S, F)
        logits = self.classifier(features, kept).float()  # (N * S, P * K)
        split = logits.unflatten(1, (self.num_parts, self.num_classes))  # (N * S, P, K)
        by_film = split.unflatten(0, (num_films, num_segments))  # (N, S, P, K)
        weights = part_weights(num_segments, self.num_parts, logits.device)  # (S, P)
        return (by_film * weights[:, :, None]).sum(dim=(1, 2))  # (N, K)

    def freeze_until(self, name: str) -> None:
        """Freeze the layers before one of the encoder's, their batch statistics too.

        Args:
            name: Of a layer, such as "convolutions.2", or the beginning of its parameters' names;
                nothing is frozen when it is empty.

        Raises:
            UserError: If there is no such layer.
        """
        if not name:
            return
        parameters = [each for each, _ in self.encoder.named_parameters()]
        first = next((i for i, each in enumerate(parameters) if _within(each, name)), None)
        if first is None:
            layers = dict.fromkeys(each.rpartition(".")[0] for each in parameters)
            raise unknown_name("layer for --freeze-until", name, layers)
        for each in parameters[:first]:
            self.encoder.get_parameter(each).requires_grad_(False)
        for module in self.encoder.modules():
            own = list(module.parameters())
            if own and not any(parameter.requires_grad for parameter in own):
                self._frozen.append(module)
        self.train(self.training)

    def train(self, mode: bool = True) -> ActionNetwork:
        """Change to training or evaluation mode; what is frozen stays in evaluation."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def trained_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that a step changes."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]


def _within(parameter: str, layer: str) -> bool:
    return parameter == layer or parameter.startswith(f"{layer}.")


def part_weights(
    num_segments: int, num_parts: int, device: torch.device | None = None
) -> torch.Tensor:
    """Return what the logits of each segment count by in each part, float32 (S, P).

    A segment counts in the part that its middle lies in. All parts count alike and the weights of a
    film sum to S, so that with one part, or a segment for each, they are the plain sum's.

    Args:
        num_segments: S equal segments, or evenly spread frames, at least P.
        num_parts: P.
        device: Where to.
    """
    middles = 2 * torch.arange(num_segments, device=device) + 1  # (S,), in halves of a segment
    part = middles * num_parts // (2 * num_segments)  # (S,)
    lies_in = F.one_hot(part, num_parts).float()  # (S, P)
    return lies_in * (num_segments / num_parts) / lies_in.sum(dim=0)


def dropout_mask(
    count: int, width: int, share: float, generator: torch.Generator
) -> torch.Tensor | None:
    """Return float32 (count, width): 0 for a share of the features, else 1 / (1 - share).

    Args:
        count: Rows.
        width: Features of a row.
        share: In [0, 1); None is returned for 0.
        generator: On the CPU, so that a seed means the same on every device.
    """
    if not share:
        return None
    kept = torch.rand(count, width, generator=generator) >= share
    return kept.float() / (1 - share)


def film_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of summed logits (N, K) against classes int64 (N,)."""
    return F.cross_entropy(logits, labels)


def encoder_for(encoder: Encoder, wanted: InputName | None, seed: int | None) -> Encoder:
    """Return a copy of an encoder that sees a certain input, all of it to be trained.

    For differences where it has seen frames, its first convolution is averaged over colours and
    repeated (Knights et al. 2020).

    Args:
        encoder: Left as it is.
        wanted: rgb, differences, or None for what it sees.
        seed: Of fresh weights in place of the encoder's; None keeps those.

    Raises:
        UserError: If the encoder cannot see that, or nothing of it can be trained.
    """
    if encoder.bodies:
        raise UserError(
            f"the encoder has batch statistics of {', '.join(encoder.bodies)}, expected one that "
            "sees all bodies alike; train it with --norm group or without --bodies"
        )
    if encoder.foreground is not None:
        raise UserError(
            "the encoder sees painted frames, expected one that sees clips as they are; train it "
            "without --foreground"
        )
    config: Any = _config_for(encoder, wanted)
    if hasattr(config, "trainable"):
        config = replace(config, trainable="all")
    made = build_encoder(encoder.kind, config, seeded_generator(seed or 0))
    if not any(parameter.requires_grad for parameter in made.parameters()):
        raise UserError(
            f"an encoder of kind {encoder.kind} has no weights to fine-tune; take another run"
        )
    if seed is None:
        check_complete(put_weights(made, encoder.state_dict()), "the run's encoder")
    return made


def _config_for(encoder: Encoder, wanted: InputName | None) -> Any:
    config = replace(encoder.config, weights="")
    if wanted == "differences" and not config.differences:
        if config.num_frames > 1:
            raise UserError(
                f"--input differences expects an encoder of single frames or of differences, found "
                f"one that joins {config.num_frames} frames; leave --input out"
            )
        return replace(config, num_frames=DIFFERENCE_FRAMES, differences=True)
    if wanted == "rgb" and config.differences:
        raise UserError(
            "--input rgb expects an encoder that sees frames, found one of differences, whose "
            "first weights have no colours; leave --input out"
        )
    return config
