"""The ideas behind compact architectures, each small enough to be computed anew whenever a knob turns."""
