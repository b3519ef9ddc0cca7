"""Fine-tuning: training what is left of a network a little longer, with or without a teacher."""

from torch import nn

from compress_core.data import Dataset
from compress_core.layers.duplicate import duplicate
from compress_core.pruning.healing import Healing, recalibrate
from compress_core.registry import HEALINGS
from compress_core.training.loop import finish, train
from compress_core.training.plans import PLAIN_LOSS, TrainingPlan

LEARNING_RATE = 0.001
EPOCHS, IMAGES = 2, 1100
"""As a healing: somebody waits for it."""
SETTLING_IMAGES = 512
"""On which BatchNorm's statistics are taken in the end: a running mean over few batches lags behind the weights."""


def finetune(
    model: nn.Module,
    data: Dataset,
    epochs: int = 2,
    *,
    teacher: nn.Module | None = None,
    batch_size: int = 32,
    learning_rate: float = LEARNING_RATE,
    seed: int = 0,
    images: int = 0,
) -> nn.Module:
    """A copy of `model`, trained on a dataset's training images with AdamW under a one-cycle learning rate.

    In the end its BatchNorms are recalibrated, as in `recalibrate`.

    Args:
        teacher: the unpruned network. With it the labels are not read: the squared distance to its logits is
            what falls (Ba & Caruana 2014, *Do Deep Nets Really Need to be Deep?*, section 2.2).
        seed: of the order of the images and how they are augmented.
        images: at most so many an epoch; 0 for all.

    Raises:
        ValueError: a number is out of range.
    """
    if epochs < 1 or batch_size < 2 or not learning_rate > 0:
        raise ValueError(
            "Fine-tuning takes at least one epoch, two images a batch and a learning rate above 0; "
            f"it was {epochs} epochs, {batch_size} images, {learning_rate:g}."
        )
    plan = TrainingPlan(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=0.0,
        seed=seed,
        losses={"logits": 1.0} if teacher else PLAIN_LOSS,
        evaluate_every=0,
        images=images,
    )
    tuned = finish(train(duplicate(model).requires_grad_(True), data, plan, teacher)).model
    return recalibrate(tuned, data.calibration(SETTLING_IMAGES, seed))


HEALINGS.register(
    finetune=Healing(
        title="Reconstruct and fine-tune",
        formula="it is trained on, with labels.",
        heal=lambda pruned, original, _, data: finetune(pruned.model, data, EPOCHS, teacher=original, images=IMAGES),
        after="reconstruct",
        slow=True,
        result=f"and {EPOCHS} epochs distilled",
        gerund="fine-tuning",
        method=f"solving each layer again and {EPOCHS} epochs of distillation from the original",
    )
)
