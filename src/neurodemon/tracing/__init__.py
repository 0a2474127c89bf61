"""The eyes: a model, a batch and a cost become a graph."""
