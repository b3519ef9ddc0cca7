"""Errors for people: each is a sentence that says what was wrong, what is allowed and what to do."""


class CompressError(ValueError):
    """What a caller can cause and mend. Its text may be shown as it is."""


class CheckpointError(CompressError):
    """A file of weights is missing, damaged or does not fit the network."""


class DataError(CompressError):
    """Images cannot be read, or are not what a dataset needs."""


class UnsupportedModelError(CompressError):
    """A technique does not know this kind of network."""
