import numpy as np
import tensorflow as tf
import tf_keras as keras

IMAGE_SIZE, NUM_CLASSES, SEED = 10, 4, 42

rng = np.random.RandomState(SEED)
centers = rng.normal(size=(NUM_CLASSES, IMAGE_SIZE * IMAGE_SIZE))


def make_split(n):
    ids = rng.randint(0, NUM_CLASSES, size=n)
    X = centers[ids] + 2.0 * rng.normal(size=(n, IMAGE_SIZE * IMAGE_SIZE))
    return X, np.eye(NUM_CLASSES)[ids]


X, y = make_split(400)
X_v, y_v = make_split(100)
X_t, y_t = make_split(100)
print('training data shape    ', X.shape)
print('training labels shape  ', y.shape)
print('validation data shape  ', X_v.shape)
print('test data shape        ', X_t.shape)


def accuracy(predictions, labels):
    return 100.0 * np.mean(np.argmax(predictions, 1) == np.argmax(labels, 1))


def run_logistic_regression(X, y, X_val, y_val, X_test, y_test, num_steps=40):
    learning_rate = 0.5

    ############### Data sets conversion into tensorflow constant ###############
    tf_train_dataset = tf.constant(X, dtype=tf.float32)
    tf_train_label = tf.constant(y, dtype=tf.float32)
    tf_valid_dataset = tf.constant(X_val, dtype=tf.float32)
    tf_test_dataset = tf.constant(X_test, dtype=tf.float32)

    ############### Variables ###############
    weights = tf.Variable(tf.random.truncated_normal(
        [IMAGE_SIZE * IMAGE_SIZE, NUM_CLASSES], stddev=0.05, seed=SEED))
    biases = tf.Variable(tf.zeros([NUM_CLASSES]))

    optimizer = keras.optimizers.SGD(learning_rate)

    ############### Training computation ###############
    def compute_loss():
        logits = tf.matmul(tf_train_dataset, weights) + biases
        return tf.reduce_mean(
            tf.nn.softmax_cross_entropy_with_logits(labels=tf_train_label, logits=logits))

    for step in range(num_steps):
        optimizer.minimize(compute_loss, var_list=[weights, biases])

        if step % 10 == 0:
            valid = tf.nn.softmax(tf.matmul(tf_valid_dataset, weights) + biases)
            print('step %d loss %.4f validation %.1f%%' % (
                step, float(compute_loss()), accuracy(valid.numpy(), y_val)))

    test = tf.nn.softmax(tf.matmul(tf_test_dataset, weights) + biases)
    print('test accuracy %.1f%%' % accuracy(test.numpy(), y_test))


run_logistic_regression(X, y, X_v, y_v, X_t, y_t)
