"""The words: sites, units, perturbations, effects. Frozen; NumPy and pyarrow at most."""
