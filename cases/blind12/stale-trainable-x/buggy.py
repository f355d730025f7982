import numpy as np
import tensorflow as tf

tf.random.set_seed(7)
np.random.seed(7)


def fake_mnist(n):
    rs = np.random.RandomState(0)
    protos = rs.rand(10, 14, 14)
    y = np.random.randint(0, 10, n)
    return (protos[y] + 0.3 * np.random.rand(n, 14, 14)).astype('float32'), y


x_train, y_train = fake_mnist(640)
x_test, y_test = fake_mnist(160)


class UnFreezeWeight(tf.keras.callbacks.Callback):
    def __init__(self, unfreeze_at):
        super(UnFreezeWeight, self).__init__()
        self.unfreeze_at = unfreeze_at

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.unfreeze_at:
            for layer in self.model.layers:
                layer.trainable = True
            print('epoch', epoch, ': unfreeze,', len(self.model.trainable_weights), 'trainable weights')


model = tf.keras.models.Sequential([
    tf.keras.layers.Input((14, 14)),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(64, activation='relu'),
    tf.keras.layers.Dense(32, activation='relu'),
    tf.keras.layers.Dense(10, activation='softmax'),
])

# freeze the front part, later everything is trained
for layer in model.layers[:-1]:
    layer.trainable = False

model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
front = model.layers[1].get_weights()[0]

freeze = UnFreezeWeight(4)
model.fit(x_train, y_train, epochs=10, verbose=2, callbacks=[freeze], validation_data=(x_test, y_test))

print('front layer changed by', np.abs(model.layers[1].get_weights()[0] - front).max())
