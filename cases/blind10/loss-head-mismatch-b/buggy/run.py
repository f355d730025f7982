import keras
import numpy as np
from keras import layers

from heads import attach
from pipeline import SkuDemand

RECIPE = {
    "hidden": (16, 16),
    "head": "real",
    "loss": "poisson",
    "optimizer": {"learning_rate": 3e-3},
    "epochs": 6,
}


def network(n_features, recipe):
    inp = keras.Input((n_features,))
    h = layers.BatchNormalization()(inp)
    for units in recipe["hidden"]:
        h = layers.Dense(units, activation="relu")(h)
    return keras.Model(inp, attach(h, recipe["head"]), name="demand")


def main():
    keras.utils.set_random_seed(51)
    data = SkuDemand()
    (x, y), (xv, yv) = data.split()
    model = network(len(data.columns), RECIPE)
    model.compile(optimizer=keras.optimizers.RMSprop(**RECIPE["optimizer"]), loss=RECIPE["loss"])
    hist = model.fit(x, y, validation_data=(xv, yv), epochs=RECIPE["epochs"], batch_size=32, verbose=0)
    print("loss    ", np.round(hist.history["loss"], 4))
    print("val_loss", np.round(hist.history["val_loss"], 4))
    pred = model.predict(xv, verbose=0)
    print("wape", float(np.abs(pred - yv).sum() / yv.sum()))


main()
