"""The judge: predicted against measured; agreement, trust, verdicts. Pure numbers."""
