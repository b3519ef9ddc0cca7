"""What a training minimises: the labels' cross-entropy, and what a teacher's logits ask of a student's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from compress_core.registry import LOSSES, Entry


@dataclass(frozen=True, kw_only=True)
class Loss(Entry):
    """A loss by name: of the student's logits (N, classes), the labels (N,) or the teacher's logits, and T."""

    of: Callable[[Tensor, Tensor, float], Tensor]
    """(student's logits, labels or teacher's logits, T) → one number, the mean over the images."""
    needs_teacher: bool = True


def cross_entropy(logits: Tensor, labels: Tensor, temperature: float = 1.0) -> Tensor:
    """The labels' cross-entropy; the temperature plays no part."""
    return F.cross_entropy(logits, labels)


def divergence(logits: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """T²·KL between what teacher and student answer at temperature T (Hinton et al. 2015, section 2)."""
    student, teacher = (values / temperature for values in (logits, wanted))
    return temperature**2 * F.kl_div(
        student.log_softmax(1), teacher.log_softmax(1), reduction="batchmean", log_target=True
    )


def standardized(logits: Tensor) -> Tensor:
    """Each image's logits (N, classes) with mean 0 and variance 1 (Sun et al. 2024, section 4.2)."""
    centred = logits - logits.mean(1, keepdim=True)
    return centred / (centred.std(1, keepdim=True, correction=0) + 1e-7)


def standardized_divergence(logits: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """`divergence` of standardized logits: the student need not have the teacher's scale, only its pattern."""
    return divergence(standardized(logits), standardized(wanted), temperature)


def relations(logits: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """T²·(1 − ρ) of the answers' rows, and of their columns (DIST; Huang et al. 2022, section 4.1).

    ρ is Pearson's correlation: over the classes of each image, and over the images of each class.
    """
    student, teacher = ((values / temperature).softmax(1) for values in (logits, wanted))

    def apart(a: Tensor, b: Tensor) -> Tensor:
        a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
        return 1 - F.cosine_similarity(a, b, dim=1, eps=1e-8).mean()

    return temperature**2 * (apart(student, teacher) + apart(student.T, teacher.T))


def logit_matching(logits: Tensor, wanted: Tensor, temperature: float = 1.0) -> Tensor:
    """The mean squared distance of the logits (Ba & Caruana 2014, section 2.2); T plays no part."""
    return F.mse_loss(logits, wanted)


def mixed(
    weights: Mapping[str, float], logits: Tensor, labels: Tensor, wanted: Tensor | None, temperature: float
) -> Tensor:
    """The weighted sum of losses by name.

    Raises:
        ValueError: there is no loss of that name, or it needs a teacher and there is none.
    """
    total = logits.new_zeros(())
    for name, weight in weights.items():
        loss = LOSSES[name]
        if loss.needs_teacher and wanted is None:
            raise ValueError(f"The loss '{name}' needs a teacher. Name one, or train with cross_entropy alone.")
        total = total + weight * loss.of(logits, wanted if loss.needs_teacher else labels, temperature)
    return total


LOSSES.register(
    cross_entropy=Loss(
        title="Labels", formula=r"$\mathrm{CE}=-\log p_\text{label}$", of=cross_entropy, needs_teacher=False
    ),
    kd=Loss(
        title="Distillation",
        formula=r"$T^2\,\mathrm{KL}\big(\sigma(z^\text{teacher}/T)\,\|\,\sigma(z/T)\big)$",
        paper="Hinton et al. 2015, section 2",
        of=divergence,
    ),
    standardized=Loss(
        title="Distillation, logits standardized",
        formula=r"as distillation, of $\hat z=(z-\bar z)/s_z$",
        paper="Sun et al. 2024, section 4.2",
        of=standardized_divergence,
    ),
    dist=Loss(
        title="DIST",
        formula=r"$T^2\,(1-\rho_\text{images})+T^2\,(1-\rho_\text{classes})$",
        paper="Huang et al. 2022, section 4.1",
        of=relations,
    ),
    logits=Loss(
        title="Logit matching",
        formula=r"$\tfrac1C\lVert z-z^\text{teacher}\rVert^2$",
        paper="Ba & Caruana 2014, section 2.2",
        of=logit_matching,
    ),
)
