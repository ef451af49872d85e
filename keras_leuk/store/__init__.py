"""Floor 1: arrays on disk, found by content address. Nobody invalidates by hand."""
