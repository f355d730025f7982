import keras
import numpy as np

from objectives import OBJECTIVES
from settings import Settings
from synth import lesion_images


def build(settings):
    net = keras.Sequential(name="lesion_net")
    net.add(keras.Input((settings.size, settings.size, 1)))
    for f in settings.filters:
        net.add(keras.layers.Conv2D(f, 3, padding="same", activation="relu"))
    net.add(keras.layers.Conv2D(1, 1, activation="sigmoid"))
    net.compile(optimizer=keras.optimizers.Adam(settings.lr), loss=OBJECTIVES[settings.objective])
    return net


def dice_score(truth, prob):
    hit = ((prob > 0.5) & (truth > 0.5)).sum()
    return 2 * hit / ((prob > 0.5).sum() + truth.sum() + 1e-6)


if __name__ == "__main__":
    settings = Settings()
    keras.utils.set_random_seed(settings.seed)
    images, masks = lesion_images(80, settings.size, settings.seed)
    net = build(settings)
    log = net.fit(images, masks, batch_size=16, epochs=settings.epochs, verbose=0)
    print("loss", [round(v, 3) for v in log.history["loss"]])
    print("dice", round(float(dice_score(masks, net.predict(images, verbose=0))), 3))
