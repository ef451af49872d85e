"""Floor 5: a search over a recipe's settings, judged on validation. Start at `keras_leuk.tuning.study.search`."""
