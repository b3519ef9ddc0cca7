"""The zoo: one file an architecture. Importing a file registers it, in the order in which pages show them."""

from compress_core.zoo import studentnet as _studentnet  # noqa: F401
from compress_core.zoo.registry import Architecture, architecture, architectures, build

__all__ = ["Architecture", "architecture", "architectures", "build"]
