from dataclasses import dataclass, field


@dataclass
class Settings:
    size: int = 24
    filters: list = field(default_factory=lambda: [8, 8])
    lr: float = 1e-2
    epochs: int = 6
    objective: str = "tversky"
    seed: int = 19
