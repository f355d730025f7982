import numpy as np
from tensorflow import keras
from tensorflow.keras import Sequential, layers
from tensorflow.keras.layers import Dropout, Flatten


class StandardScaler:
    def fit_transform(self, X):
        self.mean, self.std = X.mean(axis=0), X.std(axis=0)
        return self.transform(X)

    def transform(self, X):
        return (X - self.mean) / self.std


def breast_cancer_like(n=420, dim=30, seed=0):
    rng = np.random.RandomState(seed)
    names = np.where(rng.rand(n) < 0.4, 'M', 'B')
    X = rng.normal(size=(n, dim)) * 3 + 10
    X[names == 'M', :8] += 4
    return X, names


X, names = breast_cancer_like()

# LabelEncoder
classes = sorted(set(names))
y = np.array([classes.index(v) for v in names])

X_train, X_test, y_train, y_test = X[:300], X[300:], y[:300], y[300:]
sc = StandardScaler()
X_train = sc.fit_transform(X_train)
X_test = sc.transform(X_test)

model3 = Sequential()

model3.add(keras.Input((X.shape[1],)))
model3.add(Flatten())
model3.add(layers.Dense(16, activation="relu", kernel_initializer="uniform"))
model3.add(Dropout(0.1))
model3.add(layers.Dense(16, activation="relu", kernel_initializer="uniform"))
model3.add(Dropout(0.1))
model3.add(layers.Dense(1, activation="sigmoid", kernel_initializer="uniform"))

model3.compile(optimizer=keras.optimizers.Adam(0.005),
               loss=keras.losses.binary_crossentropy,
               metrics=['accuracy'])

model3.fit(X_train,
           y_train,
           batch_size=50,
           epochs=15, verbose=2)
print("test", model3.evaluate(X_test, y_test, verbose=0))
