"""Floor 2: readers (C-NMC, folders, table, demo) → the data table → splits.

Start at `keras_leuk.data.read.read` and `keras_leuk.data.splits.split`. Nothing here opens an image: the content hashes
that link equal images come from `keras_leuk.images`.
"""
