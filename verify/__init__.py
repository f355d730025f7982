"""Runs one training step of a program before and after a rewrite and says, variable by variable, what gradients arrive."""
