"""Write the tables and the plot of docs/performance.md from benchmarks/sweep.json.

python benchmarks/sweep_table.py
"""

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

ROOT = Path(__file__).parents[1]
PAGE, PLOT = ROOT / "docs" / "performance.md", ROOT / "docs" / "growth.svg"
BEGIN, END = "<!-- from benchmarks/sweep.json -->", "<!-- end -->"


def main() -> None:
    """Put the tables between the marks of the page, and draw the plot."""
    found = json.loads((ROOT / "benchmarks" / "sweep.json").read_text("utf-8"))
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{tables(found)}\n{END}{after}", "utf-8")
    draw(found["growth"])


def tables(found: dict[str, Any]) -> str:
    """Spell the results as Markdown."""
    where = found["environment"]
    versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
    lines = [
        (
            f"{where['threads']} threads of one {where['processor']} machine: "
            f"{where['gflops']:.0f} GFLOP/s in a matrix product, {where['gb_per_s']:.0f} GB/s in a "
            f"copy, both measured in the same run; {versions}. CUDA: "
            f"{'run' if where['cuda'] else 'untested, no GPU was there'}."
        ),
        "",
        "| work | ms per unit | best peer | × faster | goal | roofline | goal | others, ms |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(row) for row in found["rows"]),
        "",
        (
            "Predicting all 9,216 neurons of MiniLM by `first_order` takes "
            f"{found['prediction']['ratio']:.2f} × one plain forward and backward pass "
            f"({found['prediction']['seconds']:.2f} s against "
            f"{found['prediction']['forward_backward']:.2f} s; goal: at most 1.3)."
        ),
    ]
    return "\n".join(lines)


def _row(row: dict[str, Any]) -> str:
    """Spell one line of the table."""
    own = row["per_unit"]
    others = "; ".join(
        f"{name} {1e3 * seconds:.3g}"
        for name, seconds in own.items()
        if name not in {"neurodemon", row["best_peer"]}
    )
    return (
        f"| {row['case']} | {1e3 * own['neurodemon']:.3g} | {row['best_peer']} "
        f"{1e3 * own[row['best_peer']]:.3g} | **{_times(row['ratio'])}** | {row['wanted'] or '–'} | "
        f"{_percent(row['roofline'])} | {_percent(row['wanted_roofline'])} | {others} |"
    )


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def draw(growth: list[dict[str, Any]]) -> None:
    """Draw how the time grows, against one full forward pass for each unit."""
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    kinds = list(dict.fromkeys(row["what"] for row in growth))
    for axes, what in zip(figure.subplots(1, len(kinds)), kinds, strict=True):
        rows = [row for row in growth if row["what"] == what]
        sizes = [row["size"] for row in rows]
        axes.loglog(sizes, [row["naive"] for row in rows], "o--", label="a forward per unit")
        axes.loglog(sizes, [row["seconds"] for row in rows], "o-", label="neurodemon")
        axes.set_xlabel(what)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
    figure.axes[0].set_ylabel("seconds")
    lines, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper center", ncols=2, fontsize="small")
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    main()
