"""The commands: each reads its options, runs one job and reports what came of it.

What is heavy is imported inside, once a command runs. The docstrings are the help pages.
"""

# ruff: noqa: PLR0917  # options are arguments

from neurodemon.cli.options import (
    AsJson,
    BudgetText,
    CaptureWay,
    ConfidenceShare,
    DtypeName,
    ExampleCount,
    LeaderCount,
    MemorySize,
    MnistFolder,
    NewFolder,
    PerturbationText,
    PlotFile,
    PredictorName,
    RecallShare,
    RunFolder,
    RunningFolder,
    SamplingSeed,
    Seed,
    SubjectText,
    Top,
    Traceback,
    UnitsText,
)
from neurodemon.cli.shell import guarded

SHOWN = 10  # units, where none are asked for


def sites(
    subject: SubjectText,
    as_json: AsJson = False,
    mnist: MnistFolder = None,
    examples: ExampleCount = None,
    seed: Seed = None,
    dtype: DtypeName = None,
    capture: CaptureWay = None,
    traceback: Traceback = False,
) -> None:
    """List the places of a model where a demon can sit.

    With the kind of each, the role of each axis and how many units there are; names that mean
    the same tensor are aliases.
    """
    with guarded(with_traceback=traceback):
        from neurodemon.cli.listing import report_sites
        from neurodemon.cli.opening import open_subject
        from neurodemon.cli.progress import watched
        from neurodemon.jobs.selecting import sites as find_sites

        with watched() as bars:
            opened = open_subject(
                subject, mnist, examples, seed, bars.note, dtype=dtype, capture=capture
            )
            found = find_sites(opened)
        report_sites(found, as_json=as_json)


def check(
    subject: SubjectText,
    as_json: AsJson = False,
    mnist: MnistFolder = None,
    examples: ExampleCount = None,
    seed: Seed = None,
    dtype: DtypeName = None,
    capture: CaptureWay = None,
    traceback: Traceback = False,
) -> None:
    """Prove on a few examples that a subject can be studied.

    The captured graph equals the model, two runs agree, no example's cost depends on the
    others, the slope is the gradient, and a demon that does nothing has no effect. measure and
    audit begin with it.
    """
    with guarded(with_traceback=traceback):
        from neurodemon.cli.listing import report_certificate
        from neurodemon.cli.opening import open_subject
        from neurodemon.cli.progress import watched
        from neurodemon.jobs.checking import check as prove

        with watched() as bars:
            certificate = prove(
                open_subject(
                    subject, mnist, examples, seed, bars.note, dtype=dtype, capture=capture
                )
            )
        report_certificate(certificate, as_json=as_json)


def predict(
    subject: SubjectText,
    units: UnitsText = None,
    perturbation: PerturbationText = "zero",
    predictor: PredictorName = "auto",
    out: NewFolder = None,
    top: Top = SHOWN,
    as_json: AsJson = False,
    mnist: MnistFolder = None,
    examples: ExampleCount = None,
    seed: Seed = None,
    dtype: DtypeName = None,
    capture: CaptureWay = None,
    traceback: Traceback = False,
) -> None:
    """Predict what demons would do, from shared passes.

    One forward and a few backward passes serve all units.
    """
    with guarded(with_traceback=traceback):
        from neurodemon.cli.opening import open_subject, require_free
        from neurodemon.cli.progress import watched
        from neurodemon.cli.reporting import report
        from neurodemon.jobs.keeping import save
        from neurodemon.jobs.predicting import predict as run
        from neurodemon.terms.perturbations import parse_perturbation

        wanted = parse_perturbation(perturbation)
        require_free(out)
        with watched() as bars:
            opened = open_subject(
                subject, mnist, examples, seed, bars.note, dtype=dtype, capture=capture
            )
            effects = run(opened, units, wanted, predictor=predictor, progress=bars.progress)
        if out is not None:
            save(effects, out)
        report(effects, out=out, top=top, as_json=as_json)


def measure(
    subject: SubjectText,
    units: UnitsText = None,
    perturbation: PerturbationText = "zero",
    out: RunningFolder = None,
    memory: MemorySize = None,
    top: Top = SHOWN,
    as_json: AsJson = False,
    mnist: MnistFolder = None,
    examples: ExampleCount = None,
    seed: Seed = None,
    dtype: DtypeName = None,
    capture: CaptureWay = None,
    traceback: Traceback = False,
) -> None:
    """Measure what demons do, by really running.

    Only what lies below a unit is computed again. With --out each part is saved as soon as it
    is done, and the same command goes on where it stopped.
    """
    with guarded(with_traceback=traceback, out=out, resumes=True):
        from neurodemon.cli.opening import open_subject
        from neurodemon.cli.progress import watched
        from neurodemon.cli.reporting import report
        from neurodemon.jobs.measuring import measure as run
        from neurodemon.terms.perturbations import parse_perturbation

        wanted = parse_perturbation(perturbation)
        with watched() as bars:
            opened = open_subject(
                subject, mnist, examples, seed, bars.note, dtype=dtype, capture=capture
            )
            effects = run(
                opened,
                units,
                wanted,
                out=out,
                memory=memory,
                progress=bars.progress,
                note=bars.note,
            )
        report(effects, out=out, top=top, as_json=as_json)


def audit(
    subject: SubjectText,
    units: UnitsText = None,
    perturbation: PerturbationText = "zero",
    budget: BudgetText = "all",
    top: LeaderCount = None,
    recall: RecallShare = 0.95,
    confidence: ConfidenceShare = 0.95,
    sampling_seed: SamplingSeed = None,
    predictor: PredictorName = "auto",
    out: RunningFolder = None,
    memory: MemorySize = None,
    plot: PlotFile = None,
    as_json: AsJson = False,
    mnist: MnistFolder = None,
    examples: ExampleCount = None,
    seed: Seed = None,
    dtype: DtypeName = None,
    capture: CaptureWay = None,
    traceback: Traceback = False,
) -> None:
    """Predict, measure, and judge the predictions.

    Prints the units with the largest effect, how far each predictor agrees with the
    measurement, what may be trusted, and whether influence is error here. With --budget only
    some is measured: every unit gets an interval, a certificate bounds how many were missed.
    """
    with guarded(with_traceback=traceback, out=out, resumes=True):
        from neurodemon.cli.opening import open_subject
        from neurodemon.cli.plotting import plot_to, require_plot
        from neurodemon.cli.progress import watched
        from neurodemon.cli.reporting import report
        from neurodemon.jobs.auditing import audit as run
        from neurodemon.terms import budgets, perturbations

        wanted = perturbations.parse_perturbation(perturbation), budgets.parse_budget(budget)
        require_plot(plot)
        with watched() as bars:
            how = {"dtype": dtype, "capture": capture}
            result = run(
                open_subject(subject, mnist, examples, seed, bars.note, **how),
                units,
                wanted[0],
                budget=wanted[1],
                top=top or budgets.TOP,
                recall=recall,
                confidence=confidence,
                seed=(seed or 0) if sampling_seed is None else sampling_seed,
                predictor=predictor,
                out=out,
                memory=memory,
                progress=bars.progress,
                note=bars.note,
            )
        report(result, out=out, top=top or SHOWN, as_json=as_json)
        plot_to(result, plot)


def show(
    run: RunFolder,
    plot: PlotFile = None,
    top: Top = SHOWN,
    as_json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Show a run that was saved with --out.

    The same screen as when it was made; neither the model nor torch is needed. A run that was
    interrupted shows what was done.
    """
    with guarded(with_traceback=traceback):
        from neurodemon.cli.plotting import plot_to, require_plot
        from neurodemon.cli.reporting import report_stored

        require_plot(plot)
        plot_to(report_stored(run, top=top, as_json=as_json), plot)
