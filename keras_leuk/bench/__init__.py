"""Floor 6b: what each stage of training does a second on this machine, beside its own ceiling. Start at `run.bench`."""
