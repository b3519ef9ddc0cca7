"""The four guidelines for fast networks (Ma et al. 2018, ShuffleNet V2, section 2), measured, and as a lens."""
