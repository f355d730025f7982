"""What runs inside the user's interpreter: the standard library and their TensorFlow, nothing else."""
