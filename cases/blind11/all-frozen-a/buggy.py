# AC-GAN in the manner of examples/mnist_acgan.py, on 8x8 synthetic digits
from collections import defaultdict

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.layers import Dense, Dropout, Embedding, Flatten, Input, LeakyReLU, Reshape
from tensorflow.keras.models import Model, Sequential
from tensorflow.keras.optimizers import Adam

keras.utils.set_random_seed(1337)
num_classes, latent_size, batch_size, epochs = 4, 12, 40, 4
adam_lr, adam_beta_1 = 0.001, 0.5


def build_generator(latent_size):
    cnn = Sequential([Input((latent_size,)), Dense(48, activation='relu'), Dense(64, activation='tanh'), Reshape((8, 8, 1))])
    latent = Input(shape=(latent_size,))
    image_class = Input(shape=(1,), dtype='int32')
    cls = Flatten()(Embedding(num_classes, latent_size)(image_class))
    h = layers.multiply([latent, cls])
    return Model([latent, image_class], cnn(h))


def build_discriminator():
    cnn = Sequential([Input((8, 8, 1)), layers.Conv2D(8, 3, padding='same', strides=2), LeakyReLU(),
                      layers.Conv2D(16, 3, padding='same'), LeakyReLU(), Dropout(0.2), Flatten()])
    image = Input(shape=(8, 8, 1))
    features = cnn(image)
    fake = Dense(1, activation='sigmoid', name='generation')(features)
    aux = Dense(num_classes, activation='softmax', name='auxiliary')(features)
    return Model(image, [fake, aux])


discriminator = build_discriminator()
discriminator.compile(optimizer=Adam(adam_lr, beta_1=adam_beta_1),
                      loss=['binary_crossentropy', 'sparse_categorical_crossentropy'])
generator = build_generator(latent_size)

latent = Input(shape=(latent_size,))
image_class = Input(shape=(1,), dtype='int32')
fake = generator([latent, image_class])

# we only want to be able to train generation for the combined model
discriminator.trainable = False
fake, aux = discriminator(fake)
combined = Model([latent, image_class], [fake, aux])
combined.compile(optimizer=Adam(adam_lr, beta_1=adam_beta_1),
                 loss=['binary_crossentropy', 'sparse_categorical_crossentropy'])

protos = np.sign(np.random.randn(num_classes, 8, 8, 1))
y_train = np.random.randint(0, num_classes, 400)
x_train = (0.9 * protos[y_train] + 0.1 * np.random.randn(400, 8, 8, 1)).astype('float32')

history = defaultdict(list)
for epoch in range(1, epochs + 1):
    for index in range(len(x_train) // batch_size):
        image_batch = x_train[index * batch_size:(index + 1) * batch_size]
        label_batch = y_train[index * batch_size:(index + 1) * batch_size]
        noise = np.random.uniform(-1, 1, (batch_size, latent_size)).astype('float32')
        sampled_labels = np.random.randint(0, num_classes, batch_size)
        generated = generator.predict_on_batch([noise, sampled_labels.reshape(-1, 1)])

        x = np.concatenate((image_batch, generated))
        y = np.array([0.95] * batch_size + [0.] * batch_size).reshape(-1, 1)
        aux_y = np.concatenate((label_batch, sampled_labels))
        history['disc'].append(float(discriminator.train_on_batch(x, [y, aux_y])[0]))

        noise = np.random.uniform(-1, 1, (2 * batch_size, latent_size)).astype('float32')
        sampled_labels = np.random.randint(0, num_classes, 2 * batch_size)
        trick = np.ones((2 * batch_size, 1)) * 0.95
        history['gen'].append(float(combined.train_on_batch([noise, sampled_labels.reshape(-1, 1)],
                                                            [trick, sampled_labels])[0]))
    print('epoch %d  disc %.3f  gen %.3f' % (epoch, history['disc'][-1], history['gen'][-1]))
acc = np.mean(discriminator.predict(x_train, verbose=0)[1].argmax(1) == y_train)
print('auxiliary accuracy on real images %.2f' % acc)
