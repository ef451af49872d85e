"""keras-leuk: trains, compares and honestly judges transfer-learning classifiers of leukaemia cell images."""

__version__ = "0.1.0"
