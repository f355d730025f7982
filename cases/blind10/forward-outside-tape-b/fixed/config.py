from dataclasses import dataclass


@dataclass
class GanConfig:
    latent: int = 8
    points: int = 2
    hidden: int = 32
    batch: int = 64
    steps: int = 40
    lr_g: float = 1e-3
    lr_d: float = 1e-3
    seed: int = 11
