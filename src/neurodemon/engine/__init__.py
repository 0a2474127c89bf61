"""The maths: nudge, record, replay, predict, measure. No files, no printing."""
