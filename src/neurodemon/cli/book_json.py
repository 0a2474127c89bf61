"""What `neurodemon book` found, as plain values for one JSON object."""

from collections.abc import Sequence
from typing import Any

from neurodemon.book.chain import Chain
from neurodemon.book.figures import Figure
from neurodemon.book.kink import Walk
from neurodemon.book.lost_digit import Outputs
from neurodemon.book.norms import Norms
from neurodemon.book.problem import Problem
from neurodemon.book.saturated import Learning
from neurodemon.book.steps import Step
from neurodemon.cli.figures import spell_json
from neurodemon.jobs.the_book import Replayed


def spell_backprop(
    problem: Problem, steps: Sequence[Step], figures: Sequence[Figure]
) -> dict[str, Any]:
    """Spell the equations with all their numbers; each neuron's δ is in `figures`."""
    network = problem.network
    return {
        "sizes": list(network.sizes),
        "weights": [weight.tolist() for weight in network.weights],
        "biases": [bias.tolist() for bias in network.biases],
        "cost": problem.cost.name,
        "x": problem.inputs[0].tolist(),
        "y": problem.target[0].tolist(),
        "steps": [
            {
                "equation": step.equation,
                "layer": step.layer,
                "formula": step.formula,
                "given": {symbol: numbers.tolist() for symbol, numbers in step.given},
                "symbol": step.symbol,
                "result": step.result.tolist(),
            }
            for step in steps
        ],
        **spell_json(figures),
    }


def spell_replay(found: Replayed, source: str | None, *, is_whole: bool) -> dict[str, Any]:
    """Spell a replay: four lists, one number for each epoch that was done."""
    recipe, curves = found.recipe, found.curves
    return {
        "training_cost": list(curves.training_cost),
        "training_count": list(curves.training_count),
        "test_cost": list(curves.test_cost),
        "test_count": list(curves.test_count),
        "epochs": len(curves.test_count),
        "complete": is_whole,
        "recipe": {
            "sizes": list(recipe.sizes),
            "images": recipe.n_images,
            "init": recipe.initialisation,
            "cost": recipe.sgd.cost.name,
            "eta": recipe.sgd.eta,
            "lmbda": recipe.sgd.lmbda,
            "mini_batch": recipe.sgd.mini_batch,
            "seed": recipe.seed,
        },
        "book": source,
        "unequal_counts": found.compared.n_unequal_counts,
        "largest_cost_gap": found.compared.largest_cost_gap,
        **spell_json(found.figures),
    }


def spell_norms(
    steps: Sequence[Norms],
    figures: Sequence[Figure],
    *,
    source: str | None,
    is_whole: bool,
) -> dict[str, Any]:
    """Spell the norms: for each step a list with one number for each hidden layer."""
    return {
        "norm_of_mean": [list(norms.of_mean) for norms in steps],
        "mean_of_norm": [list(norms.mean) for norms in steps],
        "cost": [norms.score.cost for norms in steps],
        "count": [norms.score.count for norms in steps],
        "steps": len(steps),
        "complete": is_whole,
        "book": source,
        **spell_json(figures),
    }


def spell_lost_digit(
    epochs: Sequence[Outputs], figures: Sequence[Figure], *, is_whole: bool
) -> dict[str, Any]:
    """Spell the ten outputs after each epoch."""
    return {
        "epochs": [
            {
                "epoch": outputs.epoch,
                "recall": outputs.recall.tolist(),
                "headroom": outputs.headroom.tolist(),
                "influence": outputs.influence.tolist(),
            }
            for outputs in epochs
        ],
        "complete": is_whole,
        **spell_json(figures),
    }


def spell_saturated(found: Sequence[Learning], figures: Sequence[Figure]) -> dict[str, Any]:
    """Spell the neuron's way from each start."""
    return {
        "starts": [
            {
                "start": list(learning.start),
                "a": learning.a.tolist(),
                "delta": learning.delta.tolist(),
                "cost": learning.cost.tolist(),
            }
            for learning in found
        ],
        **spell_json(figures),
    }


def spell_kink(walks: Sequence[Walk], figures: Sequence[Figure]) -> dict[str, Any]:
    """Spell what a demon finds at each distance."""
    return {
        "walks": [
            {
                "x": walk.x,
                "delta": walk.delta,
                "best_dz": walk.best_dz,
                "headroom": walk.headroom,
                "shape": walk.shape,
                "exact_up_to": walk.kept_to,
            }
            for walk in walks
        ],
        **spell_json(figures),
    }


def spell_chain(found: Chain) -> dict[str, Any]:
    """Spell the chain's δ and eq. 123."""
    return {
        "delta": found.delta.tolist(),
        "widest": found.widest,
        "widest_weight": found.widest_weight,
        "steepest": found.steepest,
        **spell_json(found.figures),
    }
