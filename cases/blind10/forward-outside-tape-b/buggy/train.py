import keras
import numpy as np

from config import GanConfig
from data import ring
from trainer import GanTrainer


def run(cfg):
    keras.utils.set_random_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    trainer = GanTrainer(cfg)
    for step in range(cfg.steps):
        log = trainer.step(ring(cfg.batch, rng))
        if step % 10 == 0:
            print(f"{step:4d}  D {log['d']:.3f}  G {log['g']:.3f}")
    pts = trainer.sample(256).numpy()
    print("mean radius of samples", np.linalg.norm(pts, axis=1).mean().round(3))


if __name__ == "__main__":
    run(GanConfig())
