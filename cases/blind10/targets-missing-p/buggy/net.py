from keras import Sequential, layers


def keyword_cnn(n_words):
    return Sequential([
        layers.Input((30, 65, 1)),
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(n_words),
    ], name="keyword_cnn")
