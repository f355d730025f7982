import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Dense

tf.keras.utils.set_random_seed(12)
rng = np.random.RandomState(12)

# flowers, four measures
centers = np.array([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
kind = rng.randint(0, 3, size=150)
features = (centers[kind] + 0.3 * rng.normal(size=(150, 4))).astype("float32")
features -= features.mean(axis=0)

dataset = tf.data.Dataset.from_tensor_slices((features, kind)).shuffle(150, seed=1).batch(25)


class Perceptron:
    def __init__(self, inputs, hidden, classes, learning_rate=0.05):
        layers = [tf.keras.Input((inputs,))] + [Dense(n, activation="relu") for n in hidden] + [Dense(classes)]
        self.model = tf.keras.Sequential(layers)
        self.variables = self.model.trainable_variables
        self.optimizer = tf.keras.optimizers.SGD(learning_rate, momentum=0.9)
        self.loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def grad(self, inputs, targets):
        with tf.GradientTape() as tape:
            loss_value = self.loss_object(targets, self.model(inputs))
        return loss_value, tape.gradient(loss_value, self.variables)

    def fit(self, dataset, epochs):
        print("training", [v.shape for v in self.variables])
        for epoch in range(epochs):
            mean_loss = tf.keras.metrics.Mean()
            for x, y in dataset:
                loss_value, grads = self.grad(x, y)
                self.optimizer.apply_gradients(zip(grads, self.variables))
                mean_loss(loss_value)
            print("epoch {:02d} loss {:.3f}".format(epoch, float(mean_loss.result())))


net = Perceptron(inputs=4, hidden=[10, 10], classes=3)
net.fit(dataset, epochs=5)
