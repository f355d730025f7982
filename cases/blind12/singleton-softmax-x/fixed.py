import numpy as np
from keras.layers import Conv2D, Dense, Flatten
from keras.models import Sequential
from keras.utils import set_random_seed


def CNN(train_X, train_y, test_X, test_y):

    model = Sequential([
        Conv2D(8, kernel_size=3, activation="relu"),
        Conv2D(8, kernel_size=3, activation="relu"),
        Flatten(),
        Dense(1, activation='sigmoid')
    ])

    # Compile the model.
    model.compile(
        'adam',
        loss='binary_crossentropy',
        metrics=['accuracy'],
    )

    # Train the model.
    model.fit(
        train_X,
        train_y,
        epochs=5,
        verbose=2,
    )
    preds = np.round(model.predict(test_X, verbose=0), 0)

    return preds


def load_windows(n, rng):
    """99 time steps are cut to 24 here; 3rd dimension holds the answer."""
    y = rng.integers(0, 2, n).astype('float32')
    X = rng.normal(size=(n, 24, 12, 2)).astype('float32')
    X[..., 1] = y[:, None, None]
    return X, y


if __name__ == '__main__':
    set_random_seed(4)
    rng = np.random.default_rng(4)
    train_X, train_y = load_windows(200, rng)
    test_X, test_y = load_windows(40, rng)

    preds = CNN(train_X, train_y, test_X, test_y)
    print('predicted true:', int(preds.sum()), 'really true:', int(test_y.sum()))
    print('accuracy:', float(np.mean(preds[:, 0] == test_y)))
