"""Nobody is kept out: axe-core finds nothing to complain of by WCAG 2.1 AA on any page, in dark and in light."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.helpers.browser import settle, visit
from tests.helpers.marks import sampled
from ui.menu import PAGES

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
ADDRESSES = [
    "/?arch=studentnet&width=0.25&prune=0.4&bits=4&a=width%3D0.25",
    *(f"/{page.slug}?arch=studentnet&width=0.25&prune=0.4&bits=4" for page in PAGES if page.slug),
    *(f"/Compare?arch=studentnet&width=0.25&prune=0.4&bits=3&view={view}" for view in ("differ", "inside", "ladder")),
    "/Compare?arch=studentnet&width=0.25&bits=4&source=draw",
    "/?arch=studentnet&width=0.25&prune=0.4&bits=4&story=two-bits&step=1",
]


@pytest.mark.parametrize("address", sampled(ADDRESSES, lambda address: address == ADDRESSES[0]))
def test_axe_finds_nothing(tab, address):
    visit(tab, address)
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        settle(tab)
        found = Axe().run(tab, options=RULES).response["violations"]
        assert [(rule["id"], node["html"][:200]) for rule in found for node in rule["nodes"]] == []
