"""Floor 6: the papers: published tables as data, the arithmetic of their numbers, and their replications."""
