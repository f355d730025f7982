"""regrad finds, mends and proves the mending of TensorFlow/Keras programs whose loss sends no gradient to their
variables.
"""

__version__ = "0.1.0"
