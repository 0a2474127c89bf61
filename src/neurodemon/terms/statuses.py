"""What a row of numbers is worth: its status, and what to do about it.

Bad numbers inside a sweep never raise: the row carries one of these words instead.
"""

OK = "ok"
NON_FINITE = "non_finite"
BELOW_NOISE = "below_noise"
NO_CHANGE = "no_change"
NO_SLOPE = "no_slope"
PADDING = "padding"
NOT_MEASURED = "not_measured"

ADVICE = {
    OK: "The number stands.",
    NON_FINITE: (
        "The perturbed cost overflowed or became NaN on some example: use a smaller "
        "perturbation, or run the subject in float64."
    ),
    BELOW_NOISE: (
        "The effect is smaller than the rounding of the cost at this precision: read it as "
        "a tie with zero, or run the subject in float64."
    ),
    NO_CHANGE: (
        "No example's cost changed at all: the unit is off or cut off from the cost here "
        "(a dead ReLU, a unit already at the value it was set to)."
    ),
    NO_SLOPE: (
        "Here δ is 0, so that the slope promises nothing and the shape has no value: read the "
        "headroom, which is measured."
    ),
    NOT_MEASURED: (
        "The budget measured them on no example: their number is the prediction, with an "
        "interval. A larger budget measures more."
    ),
    PADDING: "Every example is padded at this position: there is nothing to change or to count.",
}
