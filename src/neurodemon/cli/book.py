"""`neurodemon book`: Nielsen's network, equations and experiments, ours beside the book's.

What is heavy is imported inside, once a command runs; torch is never needed. The docstrings are
the help pages.
"""

# ruff: noqa: PLR0917  # options are arguments

import typer

from neurodemon.cli.book_options import (
    AuthorsFile,
    BookJson,
    BookMnist,
    BookSeed,
    Epochs,
    Eta,
    Hidden,
    Images,
    Init,
    InputNumbers,
    Lmbda,
    NetworkFile,
    ReplaySizes,
    Sizes,
    SmallCost,
    Start,
    Steps,
    TargetNumbers,
    read_reals,
    read_sizes,
)
from neurodemon.cli.options import Traceback, examples
from neurodemon.cli.shell import guarded

book = typer.Typer(
    help="Replay Nielsen's book: its equations and experiments, ours beside the book's.",
    epilog=examples("book backprop", "book replay --mnist ~/mnist", "book saturated --json"),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@book.command(
    epilog=examples(
        "book backprop",
        "book backprop --sizes 2,3,1 --x 0.5,1 --y 0 --cost cross_entropy",
        "book backprop --network net.json --json",
    )
)
def backprop(
    sizes: Sizes = None,
    seed: BookSeed = 0,
    cost: SmallCost = None,
    x: InputNumbers = None,
    y: TargetNumbers = None,
    network: NetworkFile = None,
    as_json: BookJson = False,
    traceback: Traceback = False,
) -> None:
    """Spell out backpropagation (chapter 2) in a small network.

    The way forward and BP1 to BP4, each with its numbers; then a demon in each neuron measures
    the slope that δ promises.
    """
    wanted = None if sizes is None else read_sizes(sizes)
    inputs, target = read_reals("--x", x), read_reals("--y", y)
    with guarded(with_traceback=traceback):
        from neurodemon.book.slopes import slope_figures
        from neurodemon.book.steps import spell_out
        from neurodemon.cli.as_json import print_json
        from neurodemon.cli.book_json import spell_backprop
        from neurodemon.cli.book_screens import show_backprop
        from neurodemon.cli.figures import leave
        from neurodemon.cli.render import Paper
        from neurodemon.jobs.the_book import Wish, make_problem

        name = None if cost is None else cost.value
        problem = make_problem(Wish(wanted, network, name, inputs, target, seed))
        steps, figures = spell_out(problem), tuple(slope_figures(problem))
        if as_json:
            print_json(spell_backprop(problem, steps, figures))
        else:
            show_backprop(Paper(), problem, steps, figures)
        leave(figures)


@book.command(
    epilog=examples(
        "book replay --mnist ~/mnist",
        "book replay --mnist ~/mnist --lmbda 0.1",
        "book replay --mnist ~/mnist --epochs 30 --book overfitting.json --json",
    )
)
def replay(
    epochs: Epochs = 400,
    lmbda: Lmbda = 0.0,
    eta: Eta = 0.5,
    sizes: ReplaySizes = "784,30,10",
    images: Images = 1000,
    init: Init = Start.large,
    mnist: BookMnist = None,
    authors: AuthorsFile = None,
    as_json: BookJson = False,
    traceback: Traceback = False,
) -> None:
    """Replay the overfitting experiment (chapter 3) from the author's seeds.

    Each count must equal his, each cost to 1e-9. With --lmbda, his regularised run from the
    same seeds. Ctrl-C shows the epochs that were done.
    """
    layers = read_sizes(sizes)
    with guarded(with_traceback=traceback):
        from neurodemon.book.costs import CROSS_ENTROPY
        from neurodemon.book.replay import Recipe
        from neurodemon.book.training import Sgd
        from neurodemon.cli.as_json import print_json
        from neurodemon.cli.book_json import spell_replay
        from neurodemon.cli.book_screens import show_replay
        from neurodemon.cli.figures import leave
        from neurodemon.cli.progress import watched
        from neurodemon.cli.render import Paper
        from neurodemon.cli.watching import gather
        from neurodemon.jobs.the_book import find_curves, judge_replay, start_replay

        sgd = Sgd(CROSS_ENTROPY, eta=eta, lmbda=lmbda)
        recipe = Recipe(layers, images, init.value, sgd)
        path, curves = find_curves(recipe, authors) or (None, None)
        source = None if path is None else str(path)
        with watched() as bars:
            work = start_replay(recipe, mnist)
            found = gather(work, epochs, what="epochs", bars=bars)
        judged = judge_replay(recipe, found.done, curves)
        if as_json:
            print_json(spell_replay(judged, source, is_whole=found.is_whole))
        else:
            show_replay(Paper(), judged, source)
        leave(judged.figures, interrupted=found.interruption)


@book.command(
    epilog=examples("book norms --mnist ~/mnist", "book norms --hidden 3 --seed 7 --steps 100")
)
def norms(
    hidden: Hidden = 2,
    seed: BookSeed = 0,
    steps: Steps = 500,
    mnist: BookMnist = None,
    as_json: BookJson = False,
    traceback: Traceback = False,
) -> None:
    """Follow the vanishing error (chapter 5): the norm of δ, layer by layer.

    ‖mean δ‖ beside mean ‖δ‖: with three hidden layers the one demon for all images is silenced
    by cancellation, not by success. Ctrl-C shows the steps that were done.
    """
    with guarded(with_traceback=traceback):
        from neurodemon.book.norms import beside_the_book
        from neurodemon.cli.as_json import print_json
        from neurodemon.cli.book_json import spell_norms
        from neurodemon.cli.book_screens import show_norms
        from neurodemon.cli.figures import leave
        from neurodemon.cli.progress import watched
        from neurodemon.cli.render import Paper
        from neurodemon.cli.watching import gather
        from neurodemon.jobs.the_book import find_norms, start_norms

        path, rows = find_norms(hidden) or (None, None)
        source = None if path is None else str(path)
        with watched() as bars:
            found = gather(start_norms(hidden, seed, mnist), steps, what="steps", bars=bars)
        figures = beside_the_book(found.done, rows).figures
        if as_json:
            print_json(spell_norms(found.done, figures, source=source, is_whole=found.is_whole))
        else:
            show_norms(Paper(), found.done, figures, seed=seed, source=source)
        leave(figures, interrupted=found.interruption)


@book.command("lost-digit", epilog=examples("book lost-digit --mnist ~/mnist"))
def lost_digit(
    epochs: Epochs = 1,
    mnist: BookMnist = None,
    as_json: BookJson = False,
    traceback: Traceback = False,
) -> None:
    """Train chapter 1's network from a seed that loses a digit.

    The output that gave up is first in headroom and last in influence.
    """
    with guarded(with_traceback=traceback):
        from neurodemon.cli.as_json import print_json
        from neurodemon.cli.book_json import spell_lost_digit
        from neurodemon.cli.book_screens import name_by_epoch, show_lost_digit
        from neurodemon.cli.figures import leave
        from neurodemon.cli.progress import watched
        from neurodemon.cli.render import Paper
        from neurodemon.cli.watching import gather
        from neurodemon.jobs.the_book import start_lost_digit

        with watched() as bars:
            found = gather(start_lost_digit(mnist), epochs, what="epochs", bars=bars)
        figures = name_by_epoch(found.done)
        if as_json:
            print_json(spell_lost_digit(found.done, figures, is_whole=found.is_whole))
        else:
            show_lost_digit(Paper(), found.done, figures)
        leave(figures, interrupted=found.interruption)


@book.command(epilog=examples("book saturated", "book saturated --json"))
def saturated(as_json: BookJson = False, traceback: Traceback = False) -> None:
    """Train the saturated neuron (chapter 3): badly wrong, and slow to learn.

    The worse of the two starts has the smaller δ.
    """
    with guarded(with_traceback=traceback):
        from neurodemon.book.saturated import STARTS, learn
        from neurodemon.cli.as_json import print_json
        from neurodemon.cli.book_json import spell_saturated
        from neurodemon.cli.book_screens import name_by_start, show_saturated
        from neurodemon.cli.figures import leave
        from neurodemon.cli.render import Paper

        found = tuple(learn(start) for start in STARTS)
        figures = name_by_start(found)
        if as_json:
            print_json(spell_saturated(found, figures))
        else:
            show_saturated(Paper(), found, figures)
        leave(figures)


@book.command(epilog=examples("book kink", "book kink --json"))
def kink(as_json: BookJson = False, traceback: Traceback = False) -> None:
    """Walk |x|: the same slope at any distance from the kink."""
    with guarded(with_traceback=traceback):
        from neurodemon.book.kink import walk_all
        from neurodemon.cli.as_json import print_json
        from neurodemon.cli.book_json import spell_kink
        from neurodemon.cli.book_screens import show_kink
        from neurodemon.cli.figures import leave
        from neurodemon.cli.render import Paper

        walks = walk_all()
        figures = tuple(figure for walk in walks for figure in walk.figures)
        if as_json:
            print_json(spell_kink(walks, figures))
        else:
            show_kink(Paper(), walks, figures)
        leave(figures)


@book.command(epilog=examples("book chain", "book chain --json"))
def chain(as_json: BookJson = False, traceback: Traceback = False) -> None:
    """Follow a chain of neurons (chapter 5) in which δ explodes backwards."""
    with guarded(with_traceback=traceback):
        from neurodemon.book.chain import follow_chain
        from neurodemon.cli.as_json import print_json
        from neurodemon.cli.book_json import spell_chain
        from neurodemon.cli.book_screens import show_chain
        from neurodemon.cli.figures import leave
        from neurodemon.cli.render import Paper

        found = follow_chain()
        if as_json:
            print_json(spell_chain(found))
        else:
            show_chain(Paper(), found)
        leave(found.figures)
