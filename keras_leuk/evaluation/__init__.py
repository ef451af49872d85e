"""From predictions to numbers: reading, metrics and their intervals; needs a run folder only, never TensorFlow."""
