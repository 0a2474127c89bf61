"""Would torch.compile pay? The elementwise tail of a change: product with weights, then ReLU.

As it runs in a sweep of an MLP (two passes into memory that is used again), and compiled into one
kernel; the same numbers are asked for. The first compilation is counted apart.

    python benchmarks/fused.py
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

SIZES = [(2, 256, 256), (8, 64, 256), (1, 1000, 512)]  # rows, examples, features: 2^17 numbers
CALLS = 300


def tail(column: Tensor, weights: Tensor, low: Tensor, high: Tensor, room: Tensor) -> Tensor:
    """max(d + min(z, 0), −max(z, 0)) of d = column ⊗ weights."""
    torch.mul(column.unsqueeze(-1), weights.unsqueeze(1), out=room)
    room.add_(low)
    return torch.maximum(room, high, out=room)


def best(work: Callable[[], object]) -> float:
    """Microseconds of one call, the best of five runs."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(CALLS):
            work()
        times.append((time.perf_counter() - begun) / CALLS)
    return min(times) * 1e6


def main() -> None:
    """Print both times for each size."""
    fused = torch.compile(tail, dynamic=True)
    for rows, examples, features in SIZES:
        column, weights = torch.randn(rows, examples), torch.randn(rows, features)
        z = torch.randn(examples, features)
        given = (column, weights, z.clamp(max=0), -z.clamp(min=0))
        rooms = torch.empty(rows, examples, features), torch.empty(rows, examples, features)
        begun = time.perf_counter()
        fused(*given, rooms[0])
        compiling = time.perf_counter() - begun
        torch.testing.assert_close(tail(*given, rooms[1]), rooms[0])
        plain = best(lambda given=given, room=rooms[0]: tail(*given, room))
        compiled = best(lambda given=given, room=rooms[0]: fused(*given, room))
        print(
            f"{rows} × {examples} × {features}: {plain:.0f} µs plain, {compiled:.0f} µs compiled, "
            f"first call {compiling:.1f} s"
        )


if __name__ == "__main__":
    main()
