"""How fast a training is, as a table of docs/benchmarks.md; `bench_training.py` measures it."""

from __future__ import annotations

from typing import Any


def speed_table(figures: dict[str, Any]) -> str:
    """Return the table of what was found and what is wanted, and where it was measured."""
    rows = [*_cpu_rows(figures["cpu"], figures["wanted"])]
    rows += [_gpu_row(figures["gpu"], case) for case in figures["gpu_cases"]]
    lines = "\n".join(f"| {name} | {found} | {wanted} |" for name, found, wanted in rows)
    machine, cpu = figures["machine"], figures["cpu"]
    origin = (
        f"Median (lowest to highest) of {cpu['rounds']} rounds; {machine['cpu']}, "
        f"{machine['cores']} cores, {cpu['threads']} threads, our loop in {cpu['precision']}; "
        f"torch {figures['torch']}, commit {(figures['commit'] or 'unknown')[:10]}."
    )
    return f"| what | found | wanted |\n|---|---|---|\n{lines}\n\n{origin}"


def _cpu_rows(cpu: dict[str, Any], wanted: dict[str, float]) -> list[tuple[str, str, str]]:
    batch = f"{cpu['batch_frames']} frames of {cpu['image_size_px']} px"
    least = cpu["roofline_fp32"]
    return [
        (
            f"CPU, default training, {batch}, frames/s",
            _spread(cpu["frames_per_second"], ",.0f"),
            "",
        ),
        ("CPU, plain fp32 loop, frames/s", _spread(cpu["plain_frames_per_second"], ",.0f"), ""),
        ("CPU, ours over plain", _spread(cpu["ratio"], ".2f"), f"≥ {wanted['cpu_ratio']:g}"),
        (
            "CPU, sampling and augmentation, share of the step",
            _spread(cpu["data_share"], ".1%"),
            f"≤ {wanted['cpu_data_share']:.0%}",
        ),
        (
            "CPU, roofline of the step in fp32",
            f"arithmetic {least['compute_seconds']:.3f} s, memory {least['memory_seconds']:.3f} s; "
            f"found {_spread(cpu['step_seconds'], '.3f')} s",
            "",
        ),
    ]


def _gpu_row(gpu: dict[str, Any] | str, case: dict[str, Any]) -> tuple[str, str, str]:
    name, wanted = case["name"], ""
    if case["wanted_seconds"]:
        wanted = f"≤ {case['wanted_seconds']:g} s for {case['steps']:,} steps"
    if case["wanted"]:
        wanted = f"≥ {case['wanted']:,.0f} frames/s"
    if isinstance(gpu, str):
        return f"GPU, {name}", gpu, wanted
    found = gpu[name]
    least = found["roofline"]
    words = (
        f"{gpu['card']}: {found['seconds']:g} s, {found['frames_per_second']:,} frames/s, "
        f"{least['fraction_of_peak']:.0%} of the measured peak, data {found['data_share']:.1%} of "
        f"the step; roofline per step: arithmetic {1e3 * least['compute_seconds']:.2f} ms, memory "
        f"{1e3 * least['memory_seconds']:.2f} ms"
    )
    return f"GPU, {name}", words, wanted


def _spread(values: dict[str, float], form: str) -> str:
    median, low, high = (format(values[name], form) for name in ("median", "lowest", "highest"))
    return f"{median} ({low} to {high})"
