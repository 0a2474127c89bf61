"""The command `question`: is influence error, for this network, through its training?"""

# ruff: noqa: PLR0917  # options are arguments

from neurodemon.cli.options import (
    AsJson,
    CaptureWay,
    CheckpointFolder,
    DtypeName,
    ExampleCount,
    MnistFolder,
    PlotFolder,
    RadiusText,
    RunningFolder,
    ScopeNames,
    Seed,
    StepNumbers,
    SubjectText,
    Traceback,
    UnitsText,
)
from neurodemon.cli.shell import guarded

BOTH = "both"


def question(
    subject: SubjectText,
    units: UnitsText = None,
    steps: StepNumbers = None,
    checkpoints: CheckpointFolder = None,
    scope: ScopeNames = BOTH,
    radius: RadiusText = "4std",
    out: RunningFolder = None,
    plot: PlotFolder = None,
    as_json: AsJson = False,
    mnist: MnistFolder = None,
    examples: ExampleCount = None,
    seed: Seed = None,
    dtype: DtypeName = None,
    capture: CaptureWay = None,
    traceback: Traceback = False,
) -> None:
    """Ask whether influence is error, through the training of a network.

    digits and mnist are trained again from their seed; of your own subject give --checkpoints,
    else it is looked at as it is. Units left out: each hidden neuron and channel, at what
    enters its activation. Prints the tables, and the answer at the end. With --out each stage
    is saved as soon as it is done, and figures beside them; the same command goes on where it
    stopped.
    """
    with guarded(with_traceback=traceback, out=out, resumes=True):
        from neurodemon.cli.opening import open_subject, read_steps
        from neurodemon.cli.plotting import plot_beside, plot_to, require_plot
        from neurodemon.cli.progress import watched
        from neurodemon.cli.reporting import report
        from neurodemon.jobs.questioning import question as run
        from neurodemon.terms.findings import SCOPES, read_scope
        from neurodemon.terms.radii import settle_radius

        scopes = SCOPES if scope == BOTH else (read_scope(scope),)
        reach, wanted = settle_radius(radius), read_steps(steps)
        require_plot(plot, is_for_several=True)
        with watched() as bars:
            opened = open_subject(
                subject, mnist, examples, seed, bars.note, dtype=dtype, capture=capture
            )
            found = run(
                opened,
                units,
                steps=wanted,
                checkpoints=checkpoints,
                scopes=scopes,
                radius=reach,
                out=out,
                progress=bars.progress,
                note=bars.note,
            )
        report(found, out=out, top=1, as_json=as_json)
        plot_to(found, plot)
        plot_beside(found, out)
