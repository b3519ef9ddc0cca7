"""The explanations of distillation: what you see, the formula, the paper and its section."""

from compress_core.registry import LOSSES

TEMPERATURE = r"""
**What you see.** The teacher's logits $z$ for one test image, softened by a temperature $T$:

$$p_i = \dfrac{e^{z_i/T}}{\sum_j e^{z_j/T}}, \qquad H = -\sum_i p_i \log_2 p_i$$

At $T = 1$ a good teacher is nearly sure, and its answer says little more than the label. Warmer, the small
probabilities come forth: which classes this image is like. That is the *dark knowledge* that a student learns from.
**Standardized**, each image's logits first get mean 0 and variance 1, so that a student need not have the teacher's
scale, only its pattern. Chosen are the images that this teacher is least sure of.

Hinton et al. 2015, *Distilling the Knowledge in a Neural Network*, section 2; Sun et al. 2024, *Logit
Standardization in Knowledge Distillation*, section 4.2.
"""

STUDENTS = r"""
**What you see.** The same network trained twice: by the labels alone, and with a teacher. The difference of their
accuracies is taken image by image, with its 95 % interval; an interval that holds 0 shows no difference. Each was
trained once: what another seed would change is not in the interval. **Agreement** counts the teacher's answers,
mistakes included. **Calibration**: of the images on which a network is 80 % sure, 80 % should be right; the expected
calibration error is the mean distance from that, over all images; bins of fewer than ten images are not drawn.

A strong teacher can hurt: on ImageNet plain distillation takes MobileNet from 73.6 to 71.7 %, DIST to 74.4.

Huang et al. 2022, *Knowledge Distillation from a Stronger Teacher*; Guo et al. 2017, *On Calibration of Modern Neural
Networks*, section 2.
"""


def training() -> str:
    """What is trained, and by which losses."""
    losses = "\n".join(
        f"- **{loss.title}**: {loss.formula}" + (f". {loss.paper}." if loss.paper else "")
        for loss in LOSSES.values()
        if loss.needs_teacher
    )
    return rf"""
**What you see.** One student, twice from the same first weights, with the same images in the same order: once by the
labels alone, once by

$$\alpha\,L_\text{{teacher}} + (1-\alpha)\,\mathrm{{CE}}$$

where the teacher's part is one of

{losses}

Few epochs are trained here, so that one can watch; what is better after twenty epochs need not be after three hundred.
"""
