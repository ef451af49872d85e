"""Figures, tables and the page of a run, made from its run folder only; never TensorFlow."""
