"""Spans: of which positions a change reaches, which of them the cost reads, and what lies in both.

A change at one position stays there through all that acts on each position by itself, and causal
attention carries it to later ones only. A cost that reads the last token asks for no other of the
last block's output. Outside of both, values are the recorded ones. Source: theory.md §2; DESIGN §4.
"""
