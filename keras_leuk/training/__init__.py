"""Floor 4: one run, from recipe to run folder. Start at `keras_leuk.training.run.train`."""
