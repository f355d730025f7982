import numpy as np
import tensorflow as tf
from tensorflow.keras.applications.vgg16 import preprocess_input
from tensorflow.keras.layers import Conv2D, MaxPooling2D

tf.keras.utils.set_random_seed(6)
np.random.seed(6)


def build_vgg(include_top=False):
    # the two first blocks of VGG16, narrow; the pretrained weights are not needed to try the code
    vgg = tf.keras.Sequential([
        tf.keras.Input((None, None, 3)),
        Conv2D(8, 3, padding="same", activation="relu", name="block1_conv1"),
        MaxPooling2D(name="block1_pool"),
        Conv2D(16, 3, padding="same", activation="relu", name="block2_conv1"),
        MaxPooling2D(name="block2_pool"),
    ])
    vgg.trainable = False
    return vgg


vgg16_model = build_vgg(include_top=False)


def vgg16_encode(vgg_input_img_tensor):
    vgg_input_img = preprocess_input(vgg_input_img_tensor)
    vgg16_output = vgg16_model.predict(vgg_input_img, verbose=0)
    return vgg16_output / 100.0


def gram(features):
    features = tf.convert_to_tensor(features)
    b, h, w, c = features.shape
    f = tf.reshape(features, (b, h * w, c))
    return tf.matmul(f, f, transpose_a=True) / float(h * w)


transfer_net = tf.keras.Sequential([
    tf.keras.Input((24, 24, 3)),
    Conv2D(12, 3, padding="same", activation="relu"),
    Conv2D(12, 3, padding="same", activation="relu"),
    Conv2D(3, 3, padding="same", activation="sigmoid"),
])
optimizer = tf.keras.optimizers.Adam(2e-3)

content = np.random.rand(12, 24, 24, 3).astype("float32")
style = np.zeros((1, 24, 24, 3), "float32")
style[:, ::4] = 1.0
style_gram = gram(vgg16_encode(tf.constant(255.0 * style)))


def train_step(batch):
    target = vgg16_encode(255.0 * batch)
    with tf.GradientTape() as tape:
        image = 255.0 * transfer_net(batch, training=True)
        encoded = vgg16_encode(image)
        content_loss = tf.reduce_mean(tf.square(encoded - target))
        style_loss = tf.reduce_mean(tf.square(gram(encoded) - style_gram))
        loss = content_loss + 0.1 * style_loss
    grads = tape.gradient(loss, transfer_net.trainable_variables)
    optimizer.apply_gradients(zip(grads, transfer_net.trainable_variables))
    return loss


for epoch in range(4):
    for i in range(0, len(content), 4):
        loss = train_step(tf.constant(content[i:i + 4]))
    print("epoch", epoch, "loss", float(loss))
