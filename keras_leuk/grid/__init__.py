"""Floor 5: many runs that share what they have in common: plan → execute → collect.

Start at `keras_leuk.grid.run.run_grid`.
"""
