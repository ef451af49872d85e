"""Floor 7: one file a command; each parses, calls one function below, and prints where the result lies."""
