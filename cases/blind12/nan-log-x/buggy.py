import keras
import numpy as np
from keras import ops as K
from keras.layers import Dense, Input
from keras.models import Model

keras.utils.set_random_seed(6)


class NaiveActorCritic:
    """No entropy term, trained on one transition at a time."""

    def __init__(self, state_size, n_actions, gamma=0.95):
        self.state_size, self.n_actions, self.gamma = state_size, n_actions, gamma
        self.actor = self.buildActor()
        self.critic = self.buildCritic()

    def policyLoss(self, y_pred, y_true):
        loss = K.matmul(K.log(y_pred), K.transpose(y_true))
        return -loss

    def buildActor(self):
        state = Input(shape=(self.state_size,))
        h = Dense(16, activation='tanh')(state)
        policy = Dense(self.n_actions, activation='softmax')(h)
        model = Model(state, policy)
        model.compile(loss=self.policyLoss, optimizer=keras.optimizers.Adam(0.01))
        return model

    def buildCritic(self):
        state = Input(shape=(self.state_size,))
        h = Dense(16, activation='tanh')(state)
        model = Model(state, Dense(1)(h))
        model.compile(loss='mse', optimizer=keras.optimizers.Adam(0.01))
        return model

    def act(self, state):
        policy = self.actor.predict(state, verbose=0)[0]
        if np.isnan(policy).any():
            return np.random.randint(self.n_actions)
        return np.random.choice(self.n_actions, p=policy / policy.sum())

    def train(self, state, action, reward, next_state):
        value = self.critic.predict(state, verbose=0)[0, 0]
        target = reward + self.gamma * self.critic.predict(next_state, verbose=0)[0, 0]
        # zeros everywhere except for the action that was taken
        baseline = np.zeros((1, self.n_actions))
        baseline[0, action] = target - value
        criticLoss = self.critic.train_on_batch(state, np.array([[target]]))
        actorLoss = self.actor.train_on_batch(state, baseline)
        return actorLoss, criticLoss


agent = NaiveActorCritic(state_size=3, n_actions=2)
state = np.random.normal(size=(1, 3))
for step in range(12):
    action = agent.act(state)
    reward = 1.0 if action == int(state[0, 0] > 0) else -1.0
    next_state = np.random.normal(size=(1, 3))
    actorLoss, criticLoss = agent.train(state, action, reward, next_state)
    if step % 3 == 0:
        print(step, 'ActorLoss', actorLoss, 'CriticLoss', criticLoss)
    state = next_state

print('policy', agent.actor.predict(state, verbose=0))
