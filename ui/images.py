"""The knob of pages that count costs: for ImageNet's images, or for those of the recipe's dataset."""

from compress_core.data import dataset
from compress_core.studies.architectures import IMAGENET
from ui import widgets
from ui.address import State, Views, value_of
from ui.choices import Choice

KNOB = "preset"
CHOICE = Choice("preset", (IMAGENET, "small"), "small")


def pick_images(state: State, choices: Views) -> None:
    """Draw the knob, into the row that is open."""
    data = dataset(state.recipe.dataset)
    own = f"{data.title}, {data.input_shape[1]}×{data.input_shape[2]}"
    widgets.segments(state, choices, KNOB, {"small": own, IMAGENET: "ImageNet, 224×224"})


def images_of(state: State, choices: Views) -> str:
    """What costs are counted for: `imagenet`, or the name of the recipe's dataset."""
    return IMAGENET if value_of(state, choices, KNOB) == IMAGENET else state.recipe.dataset
