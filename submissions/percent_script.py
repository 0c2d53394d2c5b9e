# %% [markdown]
# # Initialization
#
# A network has to start from some set of weights. Here the same small network is started in three ways, and you will see
# what each of them does to the training.

# %% [markdown]
# ## 1 - Packages

# %%
import numpy as np
import matplotlib.pyplot as plt
import sklearn
import sklearn.datasets
from public_tests import *
from init_utils import forward_propagation, backward_propagation, update_parameters, compute_loss
from init_utils import predict, predict_dec, plot_decision_boundary

# %matplotlib inline
plt.rcParams['figure.figsize'] = (4.0, 3.0)
plt.rcParams['image.cmap'] = 'gray'

# %% [markdown]
# ## 2 - Data
#
# Two rings of points, one inside the other. The network has to tell which ring a point is on.

# %%
def load_dataset():
    np.random.seed(1)
    train_X, train_Y = sklearn.datasets.make_circles(n_samples=300, noise=.05)
    np.random.seed(2)
    test_X, test_Y = sklearn.datasets.make_circles(n_samples=100, noise=.05)
    plt.scatter(train_X[:, 0], train_X[:, 1], c=train_Y, s=15, cmap=plt.cm.Spectral)
    plt.show()
    return train_X.T, train_Y.reshape((1, -1)), test_X.T, test_Y.reshape((1, -1))

train_X, train_Y, test_X, test_Y = load_dataset()

# %% [markdown]
# ## 3 - The network
#
# Three layers, ready to use. Read it once; it calls the three functions that you write.

# %%
def model(X, Y, learning_rate=0.01, num_iterations=15000, print_cost=True, initialization="he"):
    """
    LINEAR -> RELU -> LINEAR -> RELU -> LINEAR -> SIGMOID, trained by gradient descent.

    Arguments:
    X -- points, of shape (2, m)
    Y -- labels 0 and 1, of shape (1, m)
    initialization -- which of the three functions makes the first parameters: "zeros", "random" or "he"

    Returns:
    parameters -- what the network has learnt
    """
    costs = []
    layers_dims = [X.shape[0], 10, 5, 1]

    if initialization == "zeros":
        parameters = initialize_parameters_zeros(layers_dims)
    elif initialization == "random":
        parameters = initialize_parameters_random(layers_dims)
    elif initialization == "he":
        parameters = initialize_parameters_he(layers_dims)

    for i in range(num_iterations):
        a3, cache = forward_propagation(X, parameters)
        cost = compute_loss(a3, Y)
        grads = backward_propagation(X, Y, cache)
        parameters = update_parameters(parameters, grads, learning_rate)
        if print_cost and i % 1000 == 0:
            print("Cost after iteration {}: {}".format(i, cost))
            costs.append(cost)

    plt.plot(costs)
    plt.ylabel('cost')
    plt.xlabel('iterations (thousands)')
    plt.title("Learning rate = " + str(learning_rate))
    plt.show()

    return parameters

# %% [markdown]
# ## 4 - All zeros
#
# ### Exercise 1 - initialize_parameters_zeros
#
# Fill every weight matrix and every bias vector with zeros, in the right shapes.

# %%
# GRADED FUNCTION: initialize_parameters_zeros

def initialize_parameters_zeros(layers_dims):
    """
    Arguments:
    layers_dims -- list with the number of units of every layer, the input first

    Returns:
    parameters -- dictionary with the arrays "W1", "b1", ..., "WL", "bL":
                    Wl -- weights, of shape (layers_dims[l], layers_dims[l-1])
                    bl -- biases, of shape (layers_dims[l], 1)
    """

    parameters = {}
    L = len(layers_dims)            # layers, the input counted

    for l in range(1, L):
        # (≈ 2 lines of code)
        # YOUR CODE STARTS HERE
        parameters['W' + str(l)] = np.zeros((layers_dims[l], layers_dims[l-1]))
        parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
        # YOUR CODE ENDS HERE

    return parameters

# %%
parameters = initialize_parameters_zeros([3, 2, 1])
print("W1 = " + str(parameters["W1"]))
print("b1 = " + str(parameters["b1"]))
print("W2 = " + str(parameters["W2"]))
print("b2 = " + str(parameters["b2"]))

initialize_parameters_zeros_test(initialize_parameters_zeros)

# %% [markdown]
# Now train the network from this start for 15,000 iterations.

# %%
parameters = model(train_X, train_Y, initialization = "zeros")
print("On the train set:")
predictions_train = predict(train_X, train_Y, parameters)
print("On the test set:")
predictions_test = predict(test_X, test_Y, parameters)

# %% [markdown]
# What does the network answer in the plane?

# %%
plt.title("Decision boundary: zeros")
axes = plt.gca()
axes.set_xlim([-1.5, 1.5])
axes.set_ylim([-1.5, 1.5])
plot_decision_boundary(lambda x: predict_dec(parameters, x.T), train_X, train_Y)

# %% [markdown]
# ## 5 - Large random numbers
#
# ### Exercise 2 - initialize_parameters_random
#
# Draw the weights with `np.random.randn(.., ..)` and multiply them by 10. The biases stay zero. Keep the seed.

# %%
# GRADED FUNCTION: initialize_parameters_random

def initialize_parameters_random(layers_dims):
    """
    Arguments:
    layers_dims -- list with the number of units of every layer, the input first

    Returns:
    parameters -- dictionary with the arrays "W1", "b1", ..., "WL", "bL":
                    Wl -- weights, of shape (layers_dims[l], layers_dims[l-1])
                    bl -- biases, of shape (layers_dims[l], 1)
    """

    np.random.seed(3)               # the same numbers for everybody
    parameters = {}
    L = len(layers_dims)            # layers, the input counted

    for l in range(1, L):
        # (≈ 2 lines of code)
        # YOUR CODE STARTS HERE
        parameters['W' + str(l)] = np.random.randn(layers_dims[l], layers_dims[l-1]) * 10
        parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
        # YOUR CODE ENDS HERE

    return parameters

# %%
parameters = initialize_parameters_random([3, 2, 1])
print("W1 = " + str(parameters["W1"]))
print("b1 = " + str(parameters["b1"]))
print("W2 = " + str(parameters["W2"]))
print("b2 = " + str(parameters["b2"]))

initialize_parameters_random_test(initialize_parameters_random)

# %% [markdown]
# Now train the network from this start for 15,000 iterations.

# %%
parameters = model(train_X, train_Y, initialization = "random")
print("On the train set:")
predictions_train = predict(train_X, train_Y, parameters)
print("On the test set:")
predictions_test = predict(test_X, test_Y, parameters)

# %% [markdown]
# What does the network answer in the plane?

# %%
plt.title("Decision boundary: random")
axes = plt.gca()
axes.set_xlim([-1.5, 1.5])
axes.set_ylim([-1.5, 1.5])
plot_decision_boundary(lambda x: predict_dec(parameters, x.T), train_X, train_Y)

# %% [markdown]
# ## 6 - He initialization
#
# ### Exercise 3 - initialize_parameters_he
#
# As before, but multiply the weights of layer $l$ by $\sqrt{2 / n^{[l-1]}}$, where $n^{[l-1]}$ is the size of the layer
# before. The biases stay zero.

# %%
# GRADED FUNCTION: initialize_parameters_he

def initialize_parameters_he(layers_dims):
    """
    Arguments:
    layers_dims -- list with the number of units of every layer, the input first

    Returns:
    parameters -- dictionary with the arrays "W1", "b1", ..., "WL", "bL":
                    Wl -- weights, of shape (layers_dims[l], layers_dims[l-1])
                    bl -- biases, of shape (layers_dims[l], 1)
    """

    np.random.seed(3)               # the same numbers for everybody
    parameters = {}
    L = len(layers_dims) - 1        # layers, the input not counted

    for l in range(1, L + 1):
        # (≈ 2 lines of code)
        # YOUR CODE STARTS HERE
        parameters['W' + str(l)] = np.random.randn(layers_dims[l], layers_dims[l-1]) * np.sqrt(2 / layers_dims[l-1])
        parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
        # YOUR CODE ENDS HERE

    return parameters

# %%
parameters = initialize_parameters_he([2, 4, 1])
print("W1 = " + str(parameters["W1"]))
print("b1 = " + str(parameters["b1"]))
print("W2 = " + str(parameters["W2"]))
print("b2 = " + str(parameters["b2"]))

initialize_parameters_he_test(initialize_parameters_he)

# %% [markdown]
# Now train the network from this start for 15,000 iterations.

# %%
parameters = model(train_X, train_Y, initialization = "he")
print("On the train set:")
predictions_train = predict(train_X, train_Y, parameters)
print("On the test set:")
predictions_test = predict(test_X, test_Y, parameters)

# %% [markdown]
# What does the network answer in the plane?

# %%
plt.title("Decision boundary: he")
axes = plt.gca()
axes.set_xlim([-1.5, 1.5])
axes.set_ylim([-1.5, 1.5])
plot_decision_boundary(lambda x: predict_dec(parameters, x.T), train_X, train_Y)
