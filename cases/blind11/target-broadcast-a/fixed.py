import numpy as np
import tensorflow as tf

np.random.seed(42)
tf.random.set_seed(42)


# sensor drift to be learned
def get_dataset(n=640, batch_size=16):
    x = np.random.uniform(-2, 2, size=(n, 2)).astype(np.float32)
    y = (np.sin(2 * x[:, 0]) + 0.5 * x[:, 1]).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices((x, y)).shuffle(n, seed=1).batch(batch_size)


class MyKerasModel(tf.keras.Model):
    def __init__(self, hidden=(32, 32)):
        super(MyKerasModel, self).__init__()
        self.hidden = [tf.keras.layers.Dense(h, activation='relu') for h in hidden]
        self.out = tf.keras.layers.Dense(1)

    def call(self, x):
        for layer in self.hidden:
            x = layer(x)
        return self.out(x)


@tf.function
def train_step(model, optimizer, x, y):
    y = y[:, tf.newaxis]
    with tf.GradientTape() as tape:
        y_pred = model(x, training=True)
        loss = tf.reduce_mean(tf.square(y - y_pred))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


def train(model, optimizer, dataset, epochs):
    mean_loss = tf.keras.metrics.Mean()
    for epoch in range(epochs):
        mean_loss.reset_state()
        for x, y in dataset:
            mean_loss.update_state(train_step(model, optimizer, x, y))
        print('Epoch {} loss {:.4f}'.format(epoch + 1, float(mean_loss.result())))


model = MyKerasModel()
model(tf.zeros((1, 2)))
train(model, tf.keras.optimizers.Adam(3e-3), get_dataset(), epochs=8)
x = np.random.uniform(-2, 2, size=(200, 2)).astype(np.float32)
residual = model(x)[:, 0] - (np.sin(2 * x[:, 0]) + 0.5 * x[:, 1])
print('mse on new data', float(tf.reduce_mean(residual ** 2)), 'spread of the output', float(tf.math.reduce_std(model(x))))
