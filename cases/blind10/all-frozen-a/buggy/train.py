import keras
import numpy as np

import settings
from backbone import make_classifier
from transfer import describe, freeze_before


def lesions(n, seed=0):
    """Coloured noise images whose mean hue depends on the diagnosis."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, settings.CLASSES, n)
    hue = np.array([[0.8, 0.3, 0.2], [0.3, 0.7, 0.3], [0.3, 0.2, 0.8]])[y]
    x = hue[:, None, None, :] + 0.3 * rng.normal(size=(n, settings.IMAGE, settings.IMAGE, 3))
    return x.astype("float32"), y


def main():
    keras.utils.set_random_seed(6)
    x, y = lesions(160)
    model = make_classifier(settings.IMAGE, settings.CLASSES)
    freeze_before(model, settings.TUNE_FROM)
    model.compile(
        optimizer=keras.optimizers.Adam(settings.FINETUNE["lr"]),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    hist = model.fit(
        x, y, epochs=settings.FINETUNE["epochs"], batch_size=settings.FINETUNE["batch"], verbose=0, shuffle=False
    )
    print(describe(model))
    for e, (l, a) in enumerate(zip(hist.history["loss"], hist.history["accuracy"])):
        print(f"epoch {e}: loss {l:.4f} acc {a:.3f}")


if __name__ == "__main__":
    main()
