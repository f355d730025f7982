import numpy as np
import tensorflow as tf
import tf_keras


def get_kld(p, p_hat):
    kl_val = p * tf.math.log(p) - p * tf.math.log(p_hat) + (1 - p) * tf.math.log(1 - p) - (1 - p) * tf.math.log(1 - p_hat)
    return kl_val


def init_weights(shape):
    xinit = tf_keras.initializers.GlorotUniform(seed=sum(shape))
    return tf.Variable(xinit(shape))


def strokes(n, side=10, seed=0):
    """one column per image, like the transposed mnist loader"""
    rs = np.random.RandomState(seed)
    img = np.zeros((n, side, side))
    for i in range(n):
        if rs.rand() < 0.5:
            img[i, rs.randint(side)] = 1
        else:
            img[i, :, rs.randint(side)] = 1
    return img.reshape(n, -1).T


def se_autoencoder(data, p):

    print("Model generating for p = ", p)
    #=============initialize the weights======================
    n_in = data.shape[0]
    n_out = 30
    W1 = init_weights((n_out, n_in))
    b1 = init_weights((n_out, 1))

    #Swap for W2 here
    W2 = init_weights((n_in, n_out))
    b2 = init_weights((n_in, 1))

    activation = tf.nn.sigmoid
    optimizer = tf_keras.optimizers.SGD(0.1)
    lval = 0.001
    beta = 3
    X = tf.cast(data, tf.float32)

    #=============Generate the model======================
    A1 = activation(tf.matmul(W1, X) + b1)
    X_hat = activation(tf.matmul(W2, A1) + b2)
    p_hat = tf.reduce_mean(A1, axis=0)

    kld = get_kld(p, p_hat)
    diff = X - X_hat
    cost = tf.reduce_mean(tf.reduce_sum(diff**2, axis=0)) + 0.5*lval*(tf.nn.l2_loss(W1) + tf.nn.l2_loss(W2)) + beta*tf.reduce_mean(kld)
    weight_list = [W1, W2, b1, b2]

    #========================train the model================================================
    for i in range(100):
        optimizer.minimize(cost, var_list=weight_list)
        if i % 25 == 0:
            print("cost at ", i, float(cost))

    print("Done for p = ", p)
    return W1.numpy()


def main():
    train_data = strokes(200)
    print("X shape is ", train_data.shape)

    p_vals = [0.1, 0.5]
    for p in p_vals:
        se_autoencoder(train_data, p)


if __name__ == "__main__":
    main()
