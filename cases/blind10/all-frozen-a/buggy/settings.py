"""Experiment settings, kept in one place so that sweeps can override them."""

IMAGE = 24
CLASSES = 3
TUNE_FROM = "stage3"          # first block of the network that should be fine-tuned
FINETUNE = {"lr": 2e-3, "epochs": 4, "batch": 16}
