from keras import Model, layers


def small_unet(side, base=6):
    inp = layers.Input((side, side, 1))
    c1 = layers.Conv2D(base, 3, padding="same", activation="relu")(inp)
    p1 = layers.MaxPooling2D()(c1)
    c2 = layers.Conv2D(base * 2, 3, padding="same", activation="relu")(p1)
    up = layers.UpSampling2D()(c2)
    c3 = layers.Conv2D(base, 3, padding="same", activation="relu")(layers.Concatenate()([up, c1]))
    return Model(inp, layers.Conv2D(1, 1, activation="sigmoid")(c3), name="small_unet")
