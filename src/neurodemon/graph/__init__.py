"""The map: the captured forward pass as frozen data, and the loop that evaluates it."""
