"""What a convolution costs, in closed form."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Parameters, and multiply–accumulates for one image; BatchNorm is not counted."""

    params: int
    macs: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.params + other.params, self.macs + other.macs)


def conv_cost(c_in: int, c_out: int, kernel: int, side: int, groups: int = 1, bias: bool = False) -> Cost:
    """The cost of a `kernel`×`kernel` convolution from `c_in` to `c_out` channels whose output is `side`×`side`."""
    weights = kernel**2 * (c_in // groups) * c_out
    return Cost(weights + bias * c_out, weights * side**2)
