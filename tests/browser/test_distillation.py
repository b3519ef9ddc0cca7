"""A student is trained while one looks: watched, left, found again, stopped, taken up, and compressed."""

import pytest
from playwright.sync_api import expect

from tests.helpers.browser import choose, hop, query, said, settle, visit

LINK = "/Distillation?arch=studentnet&width=0.1&view=train&epochs=10"


@pytest.mark.slow
def test_a_training_is_watched_left_stopped_taken_up_and_compressed(tab):
    visit(tab, LINK)
    page = tab.get_by_test_id("stMainBlockContainer")
    button = lambda name: page.get_by_role("button", name=name, exact=True)  # noqa: E731
    line = tab.locator(".cc-under-way")
    button("Train both").press("Enter")
    expect(line).to_contain_text("images/s")
    choose(tab, "Temperature")  # the page answers meanwhile
    assert "the teacher says" in said(tab)
    hop(tab, "Pruning")
    visit(tab, LINK)
    expect(line).to_contain_text("images/s")
    tab.reload()
    expect(line).to_contain_text("images/s")
    button("Stop").press("Enter")
    expect(button("Train both")).to_be_visible()
    button("Train both").press("Enter")
    expect(button("Train again")).to_be_visible()
    expect(page).to_contain_text("After epoch 10")
    settle(tab)
    assert "of width 0.1, taught" in said(tab) and "points on 2,160 images" in said(tab)
    with tab.expect_download() as download:
        button("Download the taught one").click()
    assert download.value.suggested_filename.endswith("-taught.safetensors")
    button("Compress the taught one").click()
    settle(tab)
    assert "weights=own-" in query(tab)
    hop(tab, "Compress")
    assert "trained here" in said(tab)
