"""How much does each hidden unit of the first layer count for the output?"""
import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Sequential

tf.keras.utils.set_random_seed(2)

model = Sequential()
model.add(Input((100,)))
model.add(Dense(units=64, activation='relu'))
model.add(Dense(units=10, activation='relu'))
model.add(Dense(units=10, activation='softmax'))
model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])

centers = np.random.normal(size=(10, 100))
labels = np.random.randint(0, 10, 500)
data = (centers[labels] + np.random.normal(size=(500, 100))).astype('float32')
model.fit(data, labels, epochs=10, verbose=0)
print('accuracy', model.evaluate(data, labels, verbose=0)[1])


def unit_importance(x, class_idx):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        first_layer_output = model.layers[0](x)
        tape.watch(first_layer_output)
        score = model(x)[:, class_idx]
    gradient = tape.gradient(score, first_layer_output)
    return tf.reduce_mean(tf.abs(gradient * first_layer_output), axis=0)


for c in range(3):
    importance = unit_importance(data[labels == c], c)
    print('class', c, 'top units', np.argsort(-importance.numpy())[:5])
