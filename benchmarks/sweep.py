"""How fast is an exact sweep, beside what others do and beside what this machine could do?

All contenders run in this process, on the same inputs, turn by turn, and must give the same
answers. Peers get fewer units than we do, since each unit costs them a whole forward pass; what
is compared is seconds per unit, medians. Recording and capture, which are done once, are not
counted; ours includes computing Δz.

    pip install -r benchmarks/requirements-peers.txt
    python benchmarks/sweep.py --quick
    python benchmarks/sweep.py --json benchmarks/sweep.json
"""

import argparse
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from roofline import Peaks, least_seconds, measure_peaks
from sweep_cases import CASES, Case, mlp, sentences, units_of
from sweep_peers import batch_of, contenders, cost_of, missing, output_of
from torch import Tensor

import neurodemon as nd
from neurodemon.engine.recording import record
from neurodemon.jobs.judging import count_work
from neurodemon.jobs.measuring import plan_work
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.predicting import available_predictors, predict_all
from neurodemon.planner.run import run

PEER_UNITS = 4
NEAR = 2e-3  # of the largest effect: how far an answer may be off in float32
PACKAGES = ("neurodemon", "torch", "transformers", "captum", "nnsight", "transformer-lens")


def main() -> None:
    """Run the cases and print a table; with --json keep the numbers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="one repeat and fewer units: 2 minutes instead of 4"
    )
    names = "; ".join(case.name for case in CASES)
    parser.add_argument("--only", default="", help=f"cases whose name has this in it, of: {names}")
    parser.add_argument(
        "--threads",
        type=int,
        default=os.cpu_count() or 1,
        help="of torch; %(default)s if not given",
    )
    parser.add_argument("--json", type=Path, help="where to keep the numbers")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    peaks = measure_peaks(given.threads)
    print(f"{peaks.flops / 1e9:.0f} GFLOP/s, {peaks.bytes / 1e9:.0f} GB/s, {given.threads} threads")
    if absent := missing():
        print(f"Not installed, so left out: {', '.join(absent)}. All peers come with")
        print("    pip install -r benchmarks/requirements-peers.txt")
    repeats = 1 if given.quick else 3
    rows, made = [], {}
    for case in CASES:
        if given.only.lower() not in case.name.lower():
            continue
        key = case.make.__name__
        if key not in made:
            made = {key: case.make()}  # one at a time, for memory's sake
        rows.append(race(made[key], case, peaks, repeats, quick=given.quick))
        print(spell(rows[-1]), flush=True)
    found: dict[str, Any] = {"environment": environment(given.threads, peaks), "rows": rows}
    if not given.only:
        found["prediction"] = predict_beside_backward(repeats)
        print(
            "prediction of all MiniLM neurons: {ratio:.2f} × forward + backward".format(
                **found["prediction"]
            )
        )
        found["growth"] = grow(quick=given.quick)
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def race(
    subject: nd.Subject, case: Case, peaks: Peaks, repeats: int, *, quick: bool
) -> dict[str, Any]:
    """Time all contenders at one case, turn by turn."""
    units = units_of(subject, case)
    if quick and case.name.startswith("MiniLM, neurons"):
        units = nd.UnitSet((units.blocks[0][:16],))
    ours = sweep_of(subject, units)
    answers = ours()  # the first time, much is made that is kept
    peers = contenders(case)
    # Peers are timed on the first few units; ours on all. Heads at positions come by position.
    times: dict[str, list[float]] = {name: [] for name in ("neurodemon", *peers)}
    count, failed = min(PEER_UNITS, len(units)), {}
    for _ in range(repeats):
        times["neurodemon"].append(timed(ours) / len(units))
        for name, peer in peers.items():
            if name in failed:
                continue
            try:
                begun = time.perf_counter()
                found = peer(subject, case, count)
                times[name].append((time.perf_counter() - begun) / count)
            except Exception as error:  # noqa: BLE001  # a peer that cannot is told, not hidden
                failed[name] = f"{type(error).__name__}: {error}"[:200]
                continue
            require_same(name, found, answers[:, :count])
    per_unit = {name: statistics.median(own) for name, own in times.items() if own}
    best = min((own, name) for name, own in per_unit.items() if name != "neurodemon")
    mine = per_unit["neurodemon"]
    work = work_of(subject, units)
    return {
        "case": case.name, "units": len(units), "per_unit": per_unit, "failed": failed,
        "best_peer": best[1], "ratio": best[0] / mine, "wanted": case.faster,
        "roofline": None if case.dies else roof(subject, units, peaks) / mine,
        "wanted_roofline": case.share,
        "forward_equivalents_per_unit": work / len(units),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }  # fmt: skip


def sweep_of(subject: nd.Subject, units: nd.UnitSet) -> Callable[[], np.ndarray]:
    """Make our own sweep, as nd.measure runs it, capture and check left out."""
    recordings = subject.recordings()
    nudges = Nudges(subject, nd.Zero())
    plan = plan_work(subject, units, nudges.fingerprint)
    recordings[0]  # recorded now
    return lambda: np.concatenate([own for _, own in run(plan, recordings, nudges)], axis=1)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def require_same(name: str, found: Tensor, expected: np.ndarray) -> None:
    """Refuse a contender that gives other answers."""
    off = np.abs(found.double().numpy() - expected).max() / np.abs(expected).max()
    if not off < NEAR:
        raise SystemExit(f"{name} gives other answers: {off:.2g} of the largest effect.")


def work_of(subject: nd.Subject, units: nd.UnitSet) -> float:
    """What the sweep runs, in full forward passes, by graph nodes."""
    pairs = {number: len(block) * subject.n_examples for number, block in enumerate(units.blocks)}
    return count_work(subject, units, pairs, predictors=(), seconds=0.0).forward_equivalents


def roof(subject: nd.Subject, units: nd.UnitSet, peaks: Peaks) -> float:
    """The least seconds per unit, the mean over the sites."""
    each = [
        least_seconds(subject, block.site.name, peaks, None if place < 0 else place) * count
        for block in units.blocks
        for place, count in zip(*np.unique(block.positions, return_counts=True), strict=True)
    ]
    return sum(each) / len(units)


def predict_beside_backward(repeats: int) -> dict[str, float]:
    """Predicting all neurons of MiniLM, against one plain forward and backward pass."""
    subject = sentences()
    units, nudges = nd.units(subject), Nudges(subject, nd.Zero())
    names = [name for name in available_predictors(subject) if name == "first_order"]
    inputs, target = batch_of(subject)

    def plain() -> None:
        cost = subject.cost(output_of(subject, inputs), target)
        cost.sum().backward()
        subject.model.zero_grad()

    recording = subject.recording(0)
    values = recording.values
    inputs_of = [node.name for node in recording.graph.nodes if node.operation is None]
    given = {name: values[name] for name in inputs_of if name in values}

    def predict() -> None:
        record(recording.graph, given)  # which is made once, and counted here
        predict_all(subject, units, nudges, names)

    predict()
    plain()
    both = [(timed(predict), timed(plain)) for _ in range(max(3, repeats))]
    ours, theirs = (statistics.median(own) for own in zip(*both, strict=True))
    return {"seconds": ours, "forward_backward": theirs, "ratio": ours / theirs}


def grow(*, quick: bool) -> list[dict[str, float | str]]:
    """How the time of a sweep grows with units, width, depth and examples, of an MLP."""
    kinds = {
        "units": [(256, 2, 1000, count) for count in (32, 64, 128, 256)],
        "width": [(width, 2, 1000, 64) for width in (64, 128, 256, 512)],
        "depth": [(256, depth, 1000, 64) for depth in (2, 3, 4, 6)],
        "examples": [(256, 2, count, 64) for count in (125, 250, 500, 1000)],
    }
    rows: list[dict[str, float | str]] = []
    for what, settings in kinds.items():
        for place, (width, depth, examples, units) in enumerate(settings):
            if quick and place % 3:
                continue
            subject = mlp(width, depth, examples)
            ours = sweep_of(subject, nd.units(subject, f"1[0:{units}]"))
            ours()
            naive = min(timed(lambda s=subject: cost_of(s)) for _ in range(5))
            seconds = min(timed(ours) for _ in range(5))
            size = {"units": units, "width": width, "depth": depth, "examples": examples}[what]
            rows.append({"what": what, "size": size, "seconds": seconds, "naive": naive * units})
    return rows


def environment(threads: int, peaks: Peaks) -> dict[str, object]:
    """What it ran on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": platform.processor() or platform.machine(), "python": platform.python_version(),
        "threads": threads, "gflops": peaks.flops / 1e9, "gb_per_s": peaks.bytes / 1e9,
        "versions": found, "cuda": torch.cuda.is_available(),
    }  # fmt: skip


def spell(row: dict[str, Any]) -> str:
    """Write a row in one line."""
    per_unit = row["per_unit"]
    wanted = "" if row["wanted"] is None else f" (wanted {row['wanted']:g})"
    share = "–" if row["roofline"] is None else f"{100 * row['roofline']:.0f} %"
    return (
        f"{row['case']:30} {1e3 * per_unit['neurodemon']:9.3f} ms/unit  ×{row['ratio']:6.2f}{wanted} "
        f"of {row['best_peer']}  roofline {share}  "
        + "  ".join(
            f"{name} {1e3 * own:.1f}" for name, own in per_unit.items() if name != "neurodemon"
        )
        + "".join(f"\n    {name} failed: {why}" for name, why in row["failed"].items())
    )


if __name__ == "__main__":
    main()
