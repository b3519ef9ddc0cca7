"""How a network is trained: one plan a dataset, and one a network that has its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

PLAIN_LOSS: Mapping[str, float] = MappingProxyType({"cross_entropy": 1.0})


@dataclass(frozen=True)
class TrainingPlan:
    """Epochs, steps, what is minimised and how: by default AdamW, under a one-cycle rate (Smith & Topin 2018)."""

    epochs: int = 300
    batch_size: int = 64
    learning_rate: float = 0.003
    weight_decay: float = 0.01
    seed: int = 0
    sparsity: float = 0.0
    """λ of the L1 penalty on γ, decoupled from the loss as AdamW's weight decay is: see `loop.shrink_scales`."""
    losses: Mapping[str, float] = field(default_factory=lambda: PLAIN_LOSS)
    """The weight of each loss by name."""
    temperature: float = 1.0
    """T of the losses that compare with a teacher."""
    views: int = 0
    """How many fixed views of the training images there are, one an epoch in turn; 0 for fresh ones in every epoch.

    A teacher's answers to fixed views are taken once.
    """
    images: int = 0
    """Training images an epoch at most, so that somebody may wait for it; 0 for all of them."""
    optimizer: str = "adamw"
    """A name in `optimizers.OPTIMIZERS`."""
    lookahead: bool = False
    """Whether a slow copy of the weights is followed (Zhang et al. 2019)."""
    bfloat16: bool = False
    """Whether products are taken in bfloat16 where the device has it; sums, weights and BatchNorms stay float32."""
    evaluate_every: int = 5
    """Epochs between two looks at the validation images; 0 for none."""


PHOTOGRAPHS = TrainingPlan(epochs=24, learning_rate=0.05, weight_decay=5e-4, optimizer="sgd", evaluate_every=4)
PLANS: Mapping[tuple[str, str], TrainingPlan] = {
    ("digits", ""): TrainingPlan(),
    ("cifar10", ""): PHOTOGRAPHS,
    ("cifar10", "studentnet"): replace(PHOTOGRAPHS, bfloat16=True),
    ("cifar10", "squeezenet"): replace(PHOTOGRAPHS, bfloat16=True),
    ("cifar10", "airbench"): TrainingPlan(
        epochs=16,
        batch_size=1024,
        learning_rate=1.5,
        weight_decay=1.3e-3,
        optimizer="airbench",
        lookahead=True,
        bfloat16=True,
        evaluate_every=1,
    ),
}
"""By dataset and architecture; '' for every other architecture. bfloat16 is where it was measured to be quicker."""


def plan_for(dataset: str, arch: str = "", **changes: object) -> TrainingPlan:
    """The plan by which a network is trained on a dataset; that of photographs for datasets without one."""
    plan = PLANS.get((dataset, arch)) or PLANS.get((dataset, "")) or PHOTOGRAPHS
    return replace(plan, **changes)
