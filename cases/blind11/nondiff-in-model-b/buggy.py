# gamma layer: words -> labels -> embedding -> next label sequence, both stages are trained together
import numpy as np
import tensorflow as tf
import tensorflow.keras.backend as K
from tensorflow.keras import Input, Model
from tensorflow.keras.layers import LSTM, Dense, Dropout, Embedding, Lambda

vocabulary = 20
latent_dim = 16
maxlen = 6

np.random.seed(1)
train_data = np.random.randint(1, vocabulary, size=(300, maxlen))
shifted = (train_data * 3 + 1) % vocabulary
train_label = tf.keras.utils.to_categorical(shifted[:, ::-1], vocabulary)

# --- encoder
encoder_inputs = Input(shape=(maxlen,))
encoder_dense = Dense(vocabulary, activation='softmax', name='encoder_dense')
encoder_outputs = Embedding(vocabulary, latent_dim)(encoder_inputs)
encoder_outputs = LSTM(latent_dim, return_sequences=True)(encoder_outputs)
encoder_outputs = Dropout(0.1)(encoder_outputs)
encoder_outputs = encoder_dense(encoder_outputs)
encoder_outputs = Lambda(K.argmax, arguments={'axis': -1}, output_shape=(maxlen,))(encoder_outputs)
encoder_outputs = Lambda(K.cast, arguments={'dtype': 'float32'}, output_shape=(maxlen,))(encoder_outputs)

# --- decoder
decoder_embedding = Embedding(vocabulary, latent_dim, name='decoder_embedding')
decoder_lstm1 = LSTM(latent_dim, return_sequences=True)
decoder_lstm2 = LSTM(latent_dim, return_sequences=True, go_backwards=True)
decoder_dense2 = Dense(vocabulary, activation='softmax')

decoder_outputs = decoder_embedding(encoder_outputs)
decoder_outputs = decoder_lstm1(decoder_outputs)
decoder_outputs = decoder_lstm2(decoder_outputs)
decoder_outputs = decoder_dense2(decoder_outputs)

model = Model(encoder_inputs, decoder_outputs)
model.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])
first = encoder_dense.get_weights()[0].copy()
model.fit(train_data, train_label, epochs=6, batch_size=30, verbose=2)
print('encoder_dense:', np.abs(encoder_dense.get_weights()[0] - first).max())
