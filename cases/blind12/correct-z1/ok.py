"""Adversarial personalized ranking: BPR matrix factorization, then training against perturbed embeddings."""
import argparse

import numpy as np
import tensorflow as tf


def parse_args():
    parser = argparse.ArgumentParser(description="Run AMF.")
    parser.add_argument("--embed_size", type=int, default=8)
    parser.add_argument("--lr", type=float, default=0.2)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--adv_epoch", type=int, default=5, help="Add APR in epoch X")
    parser.add_argument("--reg_adv", type=float, default=1.0)
    parser.add_argument("--eps", type=float, default=0.1)
    return parser.parse_args()


class MF:
    def __init__(self, num_users, num_items, args):
        self.eps = args.eps
        self.reg_adv = args.reg_adv
        init = tf.random_normal_initializer(stddev=0.1, seed=1)
        self.embedding_P = tf.Variable(init((num_users, args.embed_size)), name="embedding_P")
        self.embedding_Q = tf.Variable(init((num_items, args.embed_size)), name="embedding_Q")
        # the perturbations are no parameters of the model
        self.delta_P = tf.Variable(tf.zeros((num_users, args.embed_size)), trainable=False)
        self.delta_Q = tf.Variable(tf.zeros((num_items, args.embed_size)), trainable=False)
        self.optimizer = tf.keras.optimizers.Adagrad(args.lr)

    def inference(self, user, item, adversarial=False):
        p = tf.nn.embedding_lookup(self.embedding_P, user)
        q = tf.nn.embedding_lookup(self.embedding_Q, item)
        if adversarial:
            p = p + tf.nn.embedding_lookup(self.delta_P, user)
            q = q + tf.nn.embedding_lookup(self.delta_Q, item)
        return tf.reduce_sum(p * q, axis=1)

    def bpr(self, user, pos, neg, adversarial=False):
        diff = self.inference(user, pos, adversarial) - self.inference(user, neg, adversarial)
        return tf.reduce_sum(tf.nn.softplus(-tf.clip_by_value(diff, -80.0, 1e8)))

    def create_adversarial(self, user, pos, neg):
        with tf.GradientTape() as tape:
            loss = self.bpr(user, pos, neg)
        grad_P, grad_Q = tape.gradient(loss, [self.embedding_P, self.embedding_Q])
        # convert the IndexedSlices and treat them as constants
        grad_P = tf.stop_gradient(tf.convert_to_tensor(grad_P))
        grad_Q = tf.stop_gradient(tf.convert_to_tensor(grad_Q))
        self.delta_P.assign(tf.nn.l2_normalize(grad_P, 1) * self.eps)
        self.delta_Q.assign(tf.nn.l2_normalize(grad_Q, 1) * self.eps)

    @tf.function
    def train_batch(self, user, pos, neg, adversarial):
        if adversarial:
            self.create_adversarial(user, pos, neg)
        variables = [self.embedding_P, self.embedding_Q]
        with tf.GradientTape() as tape:
            loss = self.bpr(user, pos, neg)
            opt_loss = loss
            if adversarial:
                opt_loss += self.reg_adv * self.bpr(user, pos, neg, adversarial=True)
        grads = tape.gradient(opt_loss, variables)
        self.optimizer.apply_gradients(zip(grads, variables))
        return loss


def sampling(train, num_items, rng):
    users, pos, neg = [], [], []
    for u, items in enumerate(train):
        for i in items:
            j = rng.randint(num_items)
            while j in items:
                j = rng.randint(num_items)
            users.append(u), pos.append(i), neg.append(j)
    order = rng.permutation(len(users))
    return [np.array(a, dtype=np.int32)[order] for a in (users, pos, neg)]


def evaluate(model, train, num_items):
    hits = []
    scores = tf.matmul(model.embedding_P, model.embedding_Q, transpose_b=True).numpy()
    for u, items in enumerate(train):
        top = np.argsort(-scores[u])[:5]
        hits.append(np.mean([i in items for i in top]))
    return float(np.mean(hits))


if __name__ == "__main__":
    args = parse_args()
    rng = np.random.RandomState(0)
    num_users, num_items = 30, 24
    train = [set(rng.choice(np.arange(8) + 8 * (u % 3), 5, replace=False)) for u in range(num_users)]
    model = MF(num_users, num_items, args)
    for epoch in range(args.epochs):
        adversarial = epoch >= args.adv_epoch
        user, pos, neg = sampling(train, num_items, rng)
        total = 0.0
        for s in range(0, len(user), 25):
            b = slice(s, s + 25)
            total += float(model.train_batch(user[b], pos[b], neg[b], adversarial))
        print("epoch %d %s loss %.3f precision@5 %.3f" % (
            epoch, "APR" if adversarial else "BPR", total / len(user), evaluate(model, train, num_items)))
