"""How a change goes through each operation, as a change, and as little of it as there is.

One unit's change is one column until it meets a Linear or a convolution; flattened with its
positions it is a block of features. Each rule is exact, stands in one table keyed by operation
(`table`), and equals running the operation on whole states (tests/engine/test_differences.py).
"""
