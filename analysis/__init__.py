"""Reads TensorFlow/Keras programs: models, losses, tapes, data and the gradient path through them; finds cuts."""
