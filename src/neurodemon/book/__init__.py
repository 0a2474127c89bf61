"""The library: Nielsen's network, BP1–BP4 and his experiments, in plain NumPy float64.

The engine's independent oracle, so it must never see torch, nor a room beside it.
Source: Michael Nielsen, "Neural Networks and Deep Learning" (2015).
"""
