import keras
import numpy as np

from lesion import get_objective, small_unet
from lesion.overlap import dice_score

CONFIG = {
    "side": 24,
    "epochs": 3,
    "batch_size": 8,
    "lr": 5e-3,
    "objective": {"name": "dice", "params": {"gamma": 1.0}},
}


def phantom_scans(n, side, seed=0):
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1)
    img, msk = [], []
    for _ in range(n):
        c, r = rng.uniform(6, side - 6, 2), rng.uniform(3, 6)
        m = (np.linalg.norm(grid - c, axis=-1) < r).astype("float32")
        img.append(0.8 * m + 0.2 * rng.normal(size=m.shape))
        msk.append(m)
    return np.array(img, "float32")[..., None], np.array(msk, "float32")[..., None]


def main(cfg):
    keras.utils.set_random_seed(2)
    x, y = phantom_scans(64, cfg["side"])
    net = small_unet(cfg["side"])
    net.compile(optimizer=keras.optimizers.Adam(cfg["lr"]), loss=get_objective(cfg["objective"]))
    hist = net.fit(x, y, epochs=cfg["epochs"], batch_size=cfg["batch_size"], verbose=0)
    print("loss", [round(v, 4) for v in hist.history["loss"]])
    print("dice", float(np.mean(dice_score(y, net.predict(x, verbose=0)))))


main(CONFIG)
