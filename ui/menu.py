"""The pages, in the order of the menu. A new page is its file and one line here."""

from typing import NamedTuple

APP = "Network compression, live"


class Page(NamedTuple):
    path: str
    label: str
    icon: str

    @property
    def slug(self) -> str:
        """What its address begins with, behind the server's."""
        return "" if self.path == "app.py" else self.path.removeprefix("pages/").removesuffix(".py")


PAGES = (
    Page("app.py", "Compress", ":material/tune:"),
    Page("pages/Compare.py", "Compare", ":material/compare:"),
    Page("pages/Pruning.py", "Pruning", ":material/content_cut:"),
    Page("pages/Quantization.py", "Quantization", ":material/grid_4x4:"),
    Page("pages/Distillation.py", "Distillation", ":material/school:"),
    Page("pages/Architectures.py", "Architectures", ":material/account_tree:"),
    Page("pages/Channel_shuffle.py", "Channel shuffle", ":material/shuffle:"),
    Page("pages/Ideas.py", "Ideas", ":material/lightbulb:"),
    Page("pages/Guidelines.py", "Guidelines", ":material/rule:"),
    Page("pages/Datasets.py", "Datasets", ":material/photo_library:"),
    Page("pages/Stories.py", "Stories", ":material/slideshow:"),
)
