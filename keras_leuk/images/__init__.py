"""Floor 2: decoding, preprocessing, the uint8 image cache, and the tf.data pipeline that feeds training."""

import cv2

# Pictures are worked on side by side in Python threads already: threads of OpenCV's own, below each of them, would only wait for
# each other. OpenCL would send single pictures to a GPU and round differently there.
cv2.setNumThreads(1)
cv2.ocl.setUseOpenCL(False)
