"""How much does an audit with a budget find, how honest is it, and what does it save?

For each subject the truth is measured once (every unit on every example) and kept in a cache
folder. Then audits of 20 seeds race on it: `judge.race` asks for pairs and is told the measured
numbers, as `nd.audit` would be, since an effect is the same whenever it is measured. Beside it
stands the plain practice: take the units that the gradient ranks highest, and measure only
those, for the same budget. Last, one real audit is timed against the whole measurement.

    python benchmarks/audit.py --mnist DIR --json benchmarks/audit.json
    python benchmarks/audit.py --only minilm --pairs 512     # hours, for the truth
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import neurodemon as nd
from neurodemon.jobs.nudging import Nudges
from neurodemon.jobs.predicting import available_predictors, predict_all
from neurodemon.judge.certify import leaders
from neurodemon.judge.race import Field, Race
from neurodemon.subjects.minilm import minilm
from neurodemon.subjects.mnist import mnist, read_images

SEEDS = 20
IMAGES = 2_000
Truth = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Case:
    """A subject and what is asked of it.

    Attributes:
        name: of the subject.
        budget: the share of all pairs.
        top: k.
        predictor: which one leads.
        first: how many examples of the truth are taken, the first ones; None for all.
    """

    name: str
    budget: float
    top: int
    predictor: str
    first: int | None = None


CASES = (
    Case("mnist", 0.1, 20, "linear_logits"),
    Case("mnist", 0.2, 20, "linear_logits"),
    Case("mnist", 0.2, 20, "first_order"),
    Case("mnist-cnn", 0.2, 20, "linear_logits"),
    Case("mnist-cnn", 0.2, 20, "first_order"),
    Case("minilm", 0.07, 50, "first_order", first=16),
    Case("minilm", 0.07, 50, "first_order", first=200),
    Case("minilm", 0.05, 50, "first_order"),
    Case("minilm", 0.07, 50, "first_order"),
    Case("minilm", 0.1, 50, "first_order"),
)


def main() -> None:
    """Run the cases and print a table; with --json keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mnist", type=Path, help="the folder of MNIST's IDX files")
    parser.add_argument("--pairs", type=int, default=512, help="sentence pairs for minilm")
    parser.add_argument("--only", help="one subject: mnist, mnist-cnn or minilm")
    parser.add_argument("--cache", type=Path, default=Path("runs/audit-truth"))
    parser.add_argument("--json", type=Path, help="where to keep the numbers")
    given = parser.parse_args()
    rows = []
    for name in dict.fromkeys(case.name for case in CASES):
        if given.only in {None, name}:
            subject = make_subject(name, given)
            truth = find_truth(subject, given.cache)
            own = [
                case
                for case in CASES
                if case.name == name and (case.first or 0) <= subject.n_examples
            ]
            rows += [judge_case(case, truth) for case in own]
            rows[-1]["real"] = time_audit(subject, own[-1])
            for row in rows[-len(own) :]:
                print(spell(row), flush=True)
    if given.json is not None:
        found = {"environment": environment(), "seeds": SEEDS, "rows": rows}
        given.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def make_subject(name: str, given: argparse.Namespace) -> nd.Subject:
    """Make a subject by name."""
    if name == "minilm":
        return minilm(examples=given.pairs)
    if name == "mnist":
        return mnist(given.mnist, examples=IMAGES, note=print)
    folder = given.mnist or Path(os.environ["NEURODEMON_MNIST"])
    return convolutional(folder)


def convolutional(folder: Path) -> nd.Subject:
    """Train a small convolutional network on MNIST for one epoch, seed 0."""
    inputs, target = read_images(folder, "train")
    images, labels = inputs.reshape(-1, 1, 28, 28), target
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for rows in torch.randperm(len(images)).split(128):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
        optimizer.step()
    test, label = read_images(folder, "t10k")
    batch = (test[:IMAGES].reshape(-1, 1, 28, 28), label[:IMAGES])
    return nd.Subject(model.eval(), [batch], "cross_entropy", name="mnist-cnn", seed=0)


def find_truth(subject: nd.Subject, cache: Path) -> Truth:
    """Measure every unit on every example, once: kept in the cache by what it depends on."""
    path = cache / f"{subject.name}-{subject.n_examples}-{subject.weights_hash[:12]}.npz"
    if path.is_file():
        with np.load(path) as kept:
            return dict(kept)
    units = nd.units(subject)
    names = available_predictors(subject)
    predicted = predict_all(subject, units, Nudges(subject, nd.Zero()), names)
    begun = time.perf_counter()
    measured = nd.measure(subject, units, nd.Zero(), out=path.with_suffix(".run")).per_example
    seconds = np.array(time.perf_counter() - begun)
    sites = np.array([unit.site.name for unit in units])
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(path, measured=measured, seconds=seconds, sites=sites, **predicted)
    return find_truth(subject, cache)


def judge_case(case: Case, truth: Truth) -> dict[str, object]:
    """Audit with 20 seeds, and hold each against the truth and against the plain practice."""
    truth = {name: own[: case.first] if own.ndim == 2 else own for name, own in truth.items()}
    effects, predicted = truth["measured"], truth[case.predictor]
    true = effects.mean(0)
    best = set(np.argsort(-np.abs(true), kind="stable")[: case.top].tolist())
    found = [race_once(case, truth, seed) for seed in range(SEEDS)]
    recalls = np.array([len(best & one["found"]) / case.top for one in found])
    bounds = np.array([one["bound"] for one in found])
    n_plain = int(case.budget * len(true))
    by_gradient = np.argsort(-np.abs(predicted.mean(0)), kind="stable")[:n_plain]
    plain = by_gradient[np.argsort(-np.abs(true[by_gradient]), kind="stable")[: case.top]]
    return {
        "subject": case.name,
        "units": len(true),
        "examples": len(effects),
        "budget": case.budget,
        "top": case.top,
        "predictor": case.predictor,
        "recall": float(recalls.mean()),
        "worst_recall": float(recalls.min()),
        "exact_top": int((recalls == 1).sum()),
        "bound": float(bounds.mean()),
        "lowest_bound": float(bounds.min()),
        "bound_above_truth": int((bounds > recalls + 1e-12).sum()),
        "coverage": float(np.mean([one["coverage"] for one in found])),
        "worst_coverage": float(np.min([one["coverage"] for one in found])),
        "spent": float(np.mean([one["spent"] for one in found])),
        "plain_recall": len(best & set(plain.tolist())) / case.top,
    }


def race_once(case: Case, truth: Truth, seed: int) -> dict[str, object]:
    """Audit once, told the numbers of the whole measurement."""
    effects, predicted = truth["measured"], truth[case.predictor]
    _, strata = np.unique(truth["sites"], return_inverse=True)
    race = Race(
        Field(
            predicted=predicted,
            sizes=np.abs(predicted) + np.abs(truth["first_order"]),
            counted=np.ones(effects.shape, bool),
            strata=strata.astype(np.int64),
            top=case.top,
            budget=int(case.budget * effects.size),
            seed=seed,
        )
    )
    for units, examples in race.rounds():
        race.tell(units, examples, effects[examples, units])
    half = race.estimate.half_widths(0.95)
    off = np.abs(race.estimate.value - effects.mean(0))
    return {
        "found": set(leaders(race.estimate, case.top).tolist()),
        "bound": 1 - race.bound.missed / case.top,
        "coverage": float((off <= half + 1e-12).mean()),
        "spent": race.spent / effects.size,
    }


def time_audit(subject: nd.Subject, case: Case) -> dict[str, float]:
    """Time a real audit against a share of the whole measurement, in this same process."""
    audit = nd.audit(subject, budget=f"{100 * case.budget:g}%", top=case.top)
    every = nd.units(subject)
    step = max(1, len(every) // 384)
    some = nd.UnitSet.of(*list(every)[::step])
    begun = time.perf_counter()
    nd.measure(subject, some)
    seconds = time.perf_counter() - begun
    return {
        "seconds": audit.work.seconds,
        "forward_equivalents": audit.work.forward_equivalents,
        "seconds_of_all_extrapolated": seconds * len(every) / len(some),
    }


def environment() -> dict[str, object]:
    """What the numbers were made with."""
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def spell(row: Mapping[str, object]) -> str:
    """Spell one row for people."""
    return (
        "{subject:10} {examples:5} × {units:5}  {budget:4.0%} {predictor:13}  recall {recall:.3f} "
        "(worst {worst_recall:.2f}, exact {exact_top}/20; plain {plain_recall:.2f})  bound "
        "{bound:.3f} (lowest {lowest_bound:.2f}, above truth {bound_above_truth})  coverage "
        "{coverage:.3f} (worst {worst_coverage:.3f})  spent {spent:.3f}"
    ).format(**row) + (f"  {row['real']}" if "real" in row else "")


if __name__ == "__main__":
    main()
