"""Floor 2: decoding, the uint8 image cache, and the tf.data pipeline that feeds training."""
