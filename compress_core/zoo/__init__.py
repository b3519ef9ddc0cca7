"""The zoo: one file an architecture. Importing a file registers it, in the order in which pages show them."""

from compress_core.zoo import studentnet as _1  # noqa: F401, I001 (the order is that of the pages)
from compress_core.zoo import mobilenet_v1 as _2  # noqa: F401
from compress_core.zoo import mobilenet_v2 as _3  # noqa: F401
from compress_core.zoo import shufflenet_v1 as _4  # noqa: F401
from compress_core.zoo import shufflenet_v2 as _5  # noqa: F401
from compress_core.zoo import squeezenet as _6  # noqa: F401
from compress_core.zoo import resnet18 as _7  # noqa: F401
from compress_core.zoo import airbench as _8  # noqa: F401
from compress_core.zoo.registry import Architecture, Pretrained, Reported, architecture, architectures, build

__all__ = ["Architecture", "Pretrained", "Reported", "architecture", "architectures", "build"]
