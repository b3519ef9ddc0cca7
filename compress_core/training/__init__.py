"""Training, and the weights it leaves behind. Importing it registers the trainings, and the healing that trains."""

from compress_core.training import finetune as _1  # noqa: F401
from compress_core.training import shipped as _2  # noqa: F401
