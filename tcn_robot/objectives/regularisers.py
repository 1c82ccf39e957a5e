"""Terms against collapse that any objective can add: SIGReg and VICReg's two."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tcn_robot.objectives.distances import at_least_float32
from tcn_robot.option_ranges import expect_above_zero, expect_at_least

# LeJEPA's quadrature of the test: trapezium rule over these points.
LARGEST_FREQUENCY = 5.0
NUM_FREQUENCIES = 17
# VICReg, section 4.1: keeps the root's gradient finite.
VARIANCE_EPSILON = 1e-4


@dataclass(frozen=True)
class RegulariserOptions:
    """Terms that are added to an objective; a weight of 0 switches a term off.

    Attributes:
        sigreg_weight: Weight of the sketched test for a standard normal distribution (LeJEPA:
            0.02 to 0.05 beside a mean squared error).
        sigreg_directions: Random directions that are tested in each step.
        variance_weight: Weight of VICReg's hinge on the standard deviation of each dimension
            (VICReg: 25 beside a mean squared error).
        variance_target: Standard deviation below which that hinge pays.
        covariance_weight: Weight of VICReg's squared covariances (VICReg: 1).
    """

    sigreg_weight: float = 0.0
    sigreg_directions: int = 256
    variance_weight: float = 0.0
    variance_target: float = 1.0
    covariance_weight: float = 0.0

    def check(self) -> None:
        """Raise UserError for numbers that cannot work."""
        expect_at_least(self, 0, "sigreg_weight", "variance_weight", "covariance_weight")
        expect_at_least(self, 1, "sigreg_directions")
        expect_above_zero(self, "variance_target")


def regulariser_terms(
    embeddings: torch.Tensor,
    options: RegulariserOptions,
    generator: torch.Generator,
    unit_length: bool = False,
) -> dict[str, torch.Tensor]:
    """Return the terms that are switched on, weights included.

    Args:
        embeddings: (N, D) float, the whole batch.
        options: Which terms and how much of each.
        generator: CPU; source of SIGReg's directions, untouched when that is off.
        unit_length: Whether embeddings have length 1. They are then scaled by sqrt(D), so that
            the variance of 1 that both regularisers want is that of points all over the sphere.

    Returns:
        By name (sigreg, variance, covariance), scalars.
    """
    wanted = (options.sigreg_weight, options.variance_weight, options.covariance_weight)
    if not any(wanted):
        return {}
    scale = embeddings.shape[1] ** 0.5 if unit_length else 1.0
    scaled = at_least_float32(embeddings) * scale
    terms = {}
    if options.sigreg_weight:
        drawn = random_directions(scaled.shape[1], options.sigreg_directions, generator)
        terms["sigreg"] = options.sigreg_weight * sigreg(scaled, drawn.to(scaled))
    if options.variance_weight:
        hinge = variance_hinge(scaled, options.variance_target)
        terms["variance"] = options.variance_weight * hinge
    if options.covariance_weight:
        terms["covariance"] = options.covariance_weight * covariance_penalty(scaled)
    return terms


def random_directions(dimension: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """Return unit vectors drawn evenly from all directions, float32 (D, M)."""
    drawn = torch.randn(dimension, count, generator=generator)
    return torch.nn.functional.normalize(drawn, dim=0)


def sigreg(embeddings: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Return how unlike a standard normal the embeddings are (Balestriero & LeCun 2025).

    Along each direction the Epps-Pulley statistic of LeJEPA's section 4:

        N * integral over t of | mean_n exp(i t x_n) - exp(-t^2 / 2) |^2 exp(-t^2 / 2)

    by the trapezium rule on 17 points from -5 to 5, averaged over directions. Exact to a thousandth
    while embeddings lie within about 5 of each other; further apart the rule pays a little more.

    Args:
        embeddings: (N, D) float.
        directions: (D, M) float, unit columns.

    Returns:
        Scalar, at least 0; 1.06 on average for samples of a standard normal whatever N is, and
        0.41 N for a collapse into the origin. 0 for an empty batch.
    """
    count = len(embeddings)
    if count == 0:
        return embeddings.sum() * 0.0
    frequencies = torch.linspace(
        -LARGEST_FREQUENCY, LARGEST_FREQUENCY, NUM_FREQUENCIES, dtype=embeddings.dtype
    ).to(embeddings.device)
    normal = (-0.5 * frequencies.square()).exp()  # (T,), characteristic function and weight
    angles = (embeddings @ directions)[..., None] * frequencies  # (N, M, T)
    # exp(i x) = cos x + i sin x; the normal's characteristic function has no imaginary part.
    error = (angles.cos().mean(dim=0) - normal).square() + angles.sin().mean(dim=0).square()
    statistics = torch.trapezoid(error * normal, frequencies, dim=1)  # (M,)
    return count * statistics.mean()


def variance_hinge(embeddings: torch.Tensor, target: float = 1.0) -> torch.Tensor:
    """Return mean_d max(0, target - sqrt(Var(e_d) + 1e-4)) (VICReg, eq. 1; Bardes et al. 2022).

    Args:
        embeddings: (N, D) float.
        target: Wanted standard deviation.

    Returns:
        Scalar; 0, with a working backward pass, for fewer than two embeddings.
    """
    if len(embeddings) < 2:
        return embeddings.sum() * 0.0
    spread = (embeddings.var(dim=0) + VARIANCE_EPSILON).sqrt()
    return (target - spread).clamp(min=0).mean()


def covariance_penalty(embeddings: torch.Tensor) -> torch.Tensor:
    """Return the squared covariances off the diagonal, over D (VICReg, eq. 3 and 4).

    Args:
        embeddings: (N, D) float.

    Returns:
        Scalar; 0, with a working backward pass, for fewer than two embeddings.
    """
    count, dimension = embeddings.shape
    if count < 2:
        return embeddings.sum() * 0.0
    centred = embeddings - embeddings.mean(dim=0, keepdim=True)
    covariance = centred.T @ centred / (count - 1)  # (D, D)
    others = ~torch.eye(dimension, dtype=torch.bool, device=embeddings.device)
    return covariance[others].square().sum() / dimension
