"""The shipped table of costs against counting again, and the budget against a plain loop."""

import pandas as pd
import pytest

import compress_core as cc
from compress_core.studies import architectures as costs
from compress_core.studies import architectures as reported
from compress_core.zoo import architecture

ALL = [*cc.architectures(), "resnet18"]


IMAGES = ["imagenet", "digits", "cifar10"]


@pytest.fixture(scope="module", params=IMAGES)
def images(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def table(images) -> pd.DataFrame:
    return costs.load_costs(images)


def test_every_width_of_every_architecture_is_there_once(table, images):
    expected = {(arch, images, width) for arch in ALL for width in costs.WIDTHS}
    assert set(zip(table["arch"], table["images"], table["width"], strict=True)) == expected
    assert len(table) == len(expected)
    assert costs.FILE.read_text().startswith("# python -m compress_core costs\n")


@pytest.mark.parametrize("arch", ALL)
@pytest.mark.parametrize("width", [0.1, 0.65, 1.0, 1.95])
def test_the_shipped_rows_are_counted_again(table, arch, images, width):
    row = table[(table["arch"] == arch) & (table["width"] == width)].iloc[0]
    layers = costs.count_layers(arch, width, images)
    for cost in ("params", "macs", "memory_access"):
        assert row[cost] == layers[cost].sum()


@pytest.mark.parametrize("cost", ["params", "macs"])
@pytest.mark.parametrize("budget", [5e4, 3e5, 2e6])
def test_within_a_budget_is_the_widest_that_fits(table, cost, budget):
    best = costs.within_budget(table, cost, budget).set_index("arch")["width"].to_dict()
    expected = {}
    for row in table.itertuples():
        if getattr(row, cost) <= budget:
            expected[row.arch] = max(row.width, expected.get(row.arch, 0))
    assert best == expected


@pytest.mark.parametrize("arch", cc.architectures())
def test_what_is_counted_comes_near_what_the_paper_reports(arch):
    rows = reported.beside_counts(arch)
    assert len(rows) == len(architecture(arch).reported)
    for _, row in rows.iterrows():
        for what, within in (("MACs", 0.03), ("Parameters", 0.15)):
            paper = row.get(f"{what}, paper (M)", "–")
            if paper != "–":
                assert row[f"{what}, counted (M)"] == pytest.approx(paper, rel=within)


@pytest.mark.slow
def test_the_best_published_network_keeps_to_the_budget():
    best = reported.best_within("macs", 150e6)
    assert best.iloc[0]["Network"] == "ShuffleNet v2 1×" and best.iloc[0]["Top-1 (%)"] == 69.4
    assert best["Top-1 (%)"].is_monotonic_decreasing
    assert reported.best_within("macs", 1e6).empty
