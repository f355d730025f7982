import numpy as np
import tensorflow as tf
from tensorflow.keras.callbacks import EarlyStopping


def load_faces(n=240, size=24, seed=8):
    """stand-in for the two folders men/ and women/"""
    rng = np.random.RandomState(seed)
    y = rng.randint(0, 2, n)
    X = rng.rand(n, size, size, 1) * 0.4
    X[y == 1, 4:14, 6:18] += 0.4          # longer hair
    X[y == 0, 16:22, 8:16] += 0.4         # beard
    return X.astype('float32'), y.astype('float32')


def conv_block(model, filters):
    model.add(tf.keras.layers.Conv2D(filters, (3, 3), activation='relu'))
    model.add(tf.keras.layers.MaxPooling2D(pool_size=(2, 2)))
    return model


class Config:
    filters = (8, 8)
    hidden = 16
    classes = ['men', 'women']
    head = dict(units=1, activation=tf.nn.sigmoid)
    loss = 'binary_crossentropy'
    epochs = 8


X, y = load_faces()
xtrain, xval, ytrain, yval = X[:200], X[200:], y[:200], y[200:]

early_stopping = EarlyStopping(min_delta=0.001, patience=30, restore_best_weights=True)
model = tf.keras.Sequential()
model.add(tf.keras.Input(shape=X.shape[1:]))
for f in Config.filters:
    conv_block(model, f)
model.add(tf.keras.layers.BatchNormalization())
model.add(tf.keras.layers.Flatten())
model.add(tf.keras.layers.Dense(Config.hidden))
model.add(tf.keras.layers.Dense(**Config.head))
model.compile(loss=Config.loss, optimizer='adam', metrics=['accuracy'])
h = model.fit(xtrain, ytrain, validation_data=(xval, yval), batch_size=32, epochs=Config.epochs,
              callbacks=[early_stopping], verbose=0)
for name, values in h.history.items():
    print(name, np.round(values, 4))
