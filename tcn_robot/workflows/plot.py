"""`tcn-robot plot KIND`: pictures and films of what an encoder has learned."""

from __future__ import annotations

import importlib

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.workflows.options import parse_and_run

# kind -> (module in tcn_robot.workflows, what it shows)
KINDS: dict[str, tuple[str, str]] = {
    "tsne": ("plot_plane", "films as points in a plane, by t-SNE"),
    "pca": ("plot_plane", "films as points in a plane, by principal components"),
    "film": ("plot_film", "a film beside its point, which moves through the plane"),
    "neighbours": ("plot_neighbours", "a film imitated by its nearest frames in other films"),
    "grid": ("plot_grid", "several episodes aligned with one of them, played in step"),
    "similarity": ("plot_similarity", "distances of all frames of two films, and the way through"),
    "reward": ("plot_reward", "a learned reward along successes, failures and play"),
    "projector": ("plot_projector", "a folder for TensorBoard's projector, frames as thumbnails"),
}


def usage() -> str:
    """Return what `tcn-robot plot --help` prints."""
    width = max(map(len, KINDS))
    lines = [f"  {name:<{width}}  {shown}" for name, (_, shown) in KINDS.items()]
    return "\n".join(
        [
            "usage: tcn-robot plot KIND INPUT … --out FILE [options]",
            "",
            "Draws what an encoder has learned. Inputs are datasets, films, folders of pictures",
            "and saved embeddings (.npy, .npz, .parquet); --encoder takes runs, names of the zoo",
            "and untrained, and several of them are drawn side by side.",
            "",
            "kinds:",
            *lines,
            "",
            "`tcn-robot plot KIND --help` explains one of them",
        ]
    )


def main(arguments: list[str]) -> None:
    """Run the command."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(usage())
        raise SystemExit(0)
    if not arguments or arguments[0].startswith("-"):
        found = f", found {arguments[0]}" if arguments else ""
        raise UserError(f"give a kind of picture first: {', '.join(KINDS)}{found}")
    kind, *rest = arguments
    if kind not in KINDS:
        raise unknown_name("kind of picture", kind, KINDS)
    module = importlib.import_module(f"tcn_robot.workflows.{KINDS[kind][0]}")
    parse_and_run(getattr(module, kind), rest, name=f"plot {kind}")
