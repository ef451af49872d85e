"""Floor 1: TensorFlow is started here and nowhere else; what it would compute on is told here."""
