"""What holds of every page: it opens, fits the screen, stands still while a knob turns, and is readable."""

import pytest
from playwright.sync_api import expect

from tests.helpers.browser import OVERLAPS, check_fits, check_readable, eventually, places, press, settle, visit

slow = pytest.mark.slow
LEFT, RIGHT = "ArrowLeft", "ArrowRight"
RATIO = ("Pruning ratio", RIGHT)
VIEWS = [  # an address, a knob and its key, and how many figures are seen without scrolling (all of them, if None)
    pytest.param("/?arch=studentnet&width=0.6&prune=0.4&bits=4", *RATIO, None),
    pytest.param("/?dataset=cifar10&arch=studentnet&prune=0.4&bits=4", *RATIO, None, marks=slow),
    pytest.param("/Pruning?arch=studentnet&prune=0.4", *RATIO, 2),
    pytest.param("/Pruning?dataset=cifar10&arch=studentnet&prune=0.4", *RATIO, 2, marks=slow),
    pytest.param("/Compare?arch=studentnet&width=0.25&prune=0.4&view=differ", "", "", 0, marks=slow),
    *(
        pytest.param(f"/Compare?arch=studentnet&prune=0.4&bits=4&view=inside&inside={part}", "", "", None, marks=slow)
        for part in ("maps", "filters", "looks")
    ),
    pytest.param("/Quantization?dataset=cifar10&arch=studentnet&bits=4", "", "", 3, marks=slow),
    pytest.param("/Distillation?dataset=cifar10&arch=studentnet", "Temperature T", RIGHT, None, marks=slow),
    pytest.param("/Datasets?dataset=cifar10", "", "", None),
    pytest.param("/Pruning?arch=mobilenet_v2&prune=0.4", *RATIO, 2, marks=slow),
    *(
        pytest.param(f"/Pruning?arch=studentnet&prune=0.4&view={view}", "", "", 2, marks=slow)
        for view in ("criteria", "healing", "versus")
    ),
    pytest.param("/Quantization?arch=studentnet&width=0.25&bits=4", "", "", 3, marks=slow),
    pytest.param(
        "/Quantization?arch=mobilenet_v2&width=0.25&bits=4&layer_bits=3b8.10b2&equalize=on", "", "", 1, marks=slow
    ),
    pytest.param("/Distillation?arch=studentnet", "Temperature T", RIGHT, None),
    pytest.param("/Distillation?arch=studentnet&view=students&width=0.25", "", "", None, marks=slow),
    pytest.param("/Distillation?arch=studentnet&view=train&width=0.25", "Epochs", LEFT, None, marks=slow),
    pytest.param("/Architectures?arch=mobilenet_v2", "", "", None),
    *(
        pytest.param(f"/Architectures?arch={arch}", "", "", None, marks=slow)
        for arch in ("studentnet", "shufflenet_v2", "squeezenet")
    ),
    pytest.param("/Channel_shuffle?arch=shufflenet_v1&show=hearing", "Grouped layers k", RIGHT, None),
    pytest.param("/Channel_shuffle?arch=shufflenet_v1&show=shuffle", "", "", None, marks=slow),
    *(
        pytest.param(f"/Channel_shuffle?arch=shufflenet_v1&prune=0.5&show={show}", "", "", None, marks=slow)
        for show in ("unit", "maps", "worth")
    ),
    pytest.param("/Ideas?arch=studentnet&idea=groups", "Channels c, in and out", LEFT, None, marks=slow),
    pytest.param("/Ideas?arch=studentnet&idea=separable", "Kernel k × k", LEFT, None, marks=slow),
    pytest.param("/Ideas?arch=studentnet&idea=manifold", "Dimensions n", RIGHT, None, marks=slow),
    pytest.param("/Ideas?arch=studentnet&idea=residual", "Expansion t", LEFT, None, marks=slow),
    pytest.param("/Ideas?arch=studentnet&idea=fire", "Squeeze ratio SR", RIGHT, None, marks=slow),
    pytest.param("/Guidelines?arch=shufflenet_v1&view=g2", "Groups g", LEFT, None, marks=slow),
    pytest.param("/Guidelines?arch=studentnet&view=g1", "c₁ : c₂", LEFT, None, marks=slow),
    pytest.param("/Guidelines?arch=studentnet&view=g3", "Convolutions a block", LEFT, None, marks=slow),
    pytest.param("/Guidelines?arch=studentnet&view=g4", "With", LEFT, None, marks=slow),
    pytest.param("/Guidelines?arch=shufflenet_v1&view=lens", "", "", None, marks=slow),
    pytest.param("/Guidelines?arch=studentnet&view=speed&scene=imagenet", "MACs per image", RIGHT, None, marks=slow),
]


@pytest.mark.parametrize(("address", "knob", "key", "figures"), VIEWS)
def test_a_page_fits_stands_still_and_is_readable(tab, address, knob, key, figures):
    visit(tab, address)
    expect(tab.locator("body")).not_to_contain_text("in the background")
    settle(tab)
    check_fits(tab, figures)
    plots = tab.get_by_test_id("stPlotlyChart").all()
    assert plots
    for plot in plots:
        assert plot.get_attribute("aria-label") or plot.locator("[aria-label]").count()
    if knob:
        stood, before = places(tab), tab.get_by_test_id("stMain").inner_text()
        press(tab, knob, key)
        assert tab.get_by_test_id("stMain").inner_text() != before
        eventually(tab, lambda: places(tab), stood)
    check_readable(tab)
    tab.set_viewport_size({"width": 1920, "height": 1400})
    settle(tab)
    check_fits(tab, 0)


@pytest.mark.parametrize(
    "address",
    [
        "/?arch=mobilenet_v2&width=0.25&prune=0.5&bits=4",
        pytest.param("/Architectures?arch=squeezenet&view=width&beside=mobilenet_v2", marks=slow),
        pytest.param("/Quantization?arch=studentnet&width=0.25&bits=4", marks=slow),
        pytest.param("/Pruning?arch=mobilenet_v2&width=0.25&prune=0.5", marks=slow),
        pytest.param("/Guidelines?view=g1", marks=slow),
        pytest.param("/Guidelines?view=g4", marks=slow),
    ],
)
def test_no_two_texts_of_a_figure_lie_over_each_other(tab, address):
    visit(tab, address)
    expect(tab.locator("body")).not_to_contain_text("in the background")
    settle(tab)
    assert [plot.evaluate(OVERLAPS) for plot in tab.locator(".js-plotly-plot").all() if plot.evaluate(OVERLAPS)] == []
