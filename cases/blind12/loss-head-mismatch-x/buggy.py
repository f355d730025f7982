import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(0)


def load_cars(n=400):
    """columns: year, mileage, engine size, doors, automatic -> price"""
    rs = np.random.RandomState(1)
    year = rs.randint(2000, 2021, n)
    mileage = rs.uniform(1e3, 2e5, n)
    engine = rs.choice([1.0, 1.2, 1.6, 2.0, 3.0], n)
    doors = rs.choice([3, 5], n)
    auto = rs.randint(0, 2, n)
    price = 900 * (year - 1998) - 0.04 * mileage + 2500 * engine + 1200 * auto + rs.normal(0, 500, n) + 3000
    return np.stack([year, mileage, engine, doors, auto], axis=1), price


dataset, price = load_cars()

mean, std = dataset.mean(axis=0), dataset.std(axis=0)
X = (dataset - mean) / std
Y = price / 1000.0

X_train, X_test = X[:320], X[320:]
Y_train, Y_test = Y[:320], Y[320:]

model = keras.Sequential([
    keras.layers.Input(shape=(5,)),
    keras.layers.Dense(32, activation='relu'),
    keras.layers.Dense(32, activation='relu'),
    keras.layers.Dense(1, activation='sigmoid'),
])

model.compile(optimizer=keras.optimizers.Adam(0.01),
              loss='binary_crossentropy',
              metrics=['accuracy'])

model.fit(X_train, Y_train, epochs=30, batch_size=32, verbose=0)

print(dict(zip(model.metrics_names, model.evaluate(X_test, Y_test, verbose=0))))
print('predicted', np.round(model.predict(X_test[:5], verbose=0)[:, 0], 2), 'true', np.round(Y_test[:5], 2))
