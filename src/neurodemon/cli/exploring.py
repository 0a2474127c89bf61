"""The commands `curve` and `headroom`: what a demon would do that looks for the best Δz."""

# ruff: noqa: PLR0917  # options are arguments

from neurodemon.cli.options import (
    AsJson,
    CaptureWay,
    DtypeName,
    ExampleCount,
    FurtherDz,
    MnistFolder,
    PlotFile,
    PointCount,
    RadiusText,
    RunningFolder,
    ScopeName,
    Seed,
    SubjectText,
    Top,
    Traceback,
    UnitsText,
    UnitText,
)
from neurodemon.cli.shell import guarded


def curve(
    subject: SubjectText,
    unit: UnitText = None,
    radius: RadiusText = "4std",
    scope: ScopeName = "shared",
    points: PointCount = 81,
    at: FurtherDz = None,
    plot: PlotFile = None,
    as_json: AsJson = False,
    mnist: MnistFolder = None,
    examples: ExampleCount = None,
    seed: Seed = None,
    dtype: DtypeName = None,
    capture: CaptureWay = None,
    traceback: Traceback = False,
) -> None:
    """Measure the cost along the way of one unit's demon.

    Beside the cost stands what the tangent (the book's promise, δ·Δz) and every predictor that
    applies say of it, and how far the promise is kept.
    """
    with guarded(with_traceback=traceback):
        from neurodemon.cli.opening import open_subject, read_numbers
        from neurodemon.cli.plotting import plot_to, require_plot
        from neurodemon.cli.progress import watched
        from neurodemon.cli.reporting import report_curve
        from neurodemon.jobs.curving import curve as run
        from neurodemon.terms.findings import read_scope
        from neurodemon.terms.radii import settle_radius

        reach, shared_by = settle_radius(radius), read_scope(scope)
        further = read_numbers("--at", at)
        require_plot(plot)
        with watched() as bars:
            opened = open_subject(
                subject, mnist, examples, seed, bars.note, dtype=dtype, capture=capture
            )
            found = run(
                opened,
                unit,
                reach,
                shared_by,
                points=points,
                at=further,
                progress=bars.progress,
                note=bars.note,
            )
        report_curve(found, also=further, as_json=as_json)
        plot_to(found, plot)


def headroom(
    subject: SubjectText,
    units: UnitsText = None,
    radius: RadiusText = "4std",
    scope: ScopeName = "shared",
    out: RunningFolder = None,
    plot: PlotFile = None,
    top: Top = 10,
    as_json: AsJson = False,
    mnist: MnistFolder = None,
    examples: ExampleCount = None,
    seed: Seed = None,
    dtype: DtypeName = None,
    capture: CaptureWay = None,
    traceback: Traceback = False,
) -> None:
    """Give each unit a demon that looks for the Δz with the least cost.

    Prints how much each could win and where, beside its slope; how far the slope can be
    trusted; and a verdict for each unit, with advice.
    """
    with guarded(with_traceback=traceback, out=out, resumes=True):
        from neurodemon.cli.opening import open_subject
        from neurodemon.cli.plotting import plot_to, require_plot
        from neurodemon.cli.progress import watched
        from neurodemon.cli.reporting import report
        from neurodemon.jobs.exploring import headroom as run
        from neurodemon.terms.findings import read_scope
        from neurodemon.terms.radii import settle_radius

        reach, shared_by = settle_radius(radius), read_scope(scope)
        require_plot(plot)
        with watched() as bars:
            opened = open_subject(
                subject, mnist, examples, seed, bars.note, dtype=dtype, capture=capture
            )
            found = run(
                opened, units, reach, shared_by, out=out, progress=bars.progress, note=bars.note
            )
        report(found, out=out, top=top, as_json=as_json)
        plot_to(found, plot)
