def forward(parameters, X):
    """Return the outputs of all layers, X first; the last layer is a sigmoid."""
    L = len(parameters) // 2
    outputs = [X]
    for l in range(1, L + 1):
        Z = parameters["W" + str(l)] @ outputs[-1] + parameters["b" + str(l)]
        outputs.append(1 / (1 + np.exp(-Z)) if l == L else activation(Z))
    return outputs


def loss(A, Y):
    """Return the cross-entropy: what wrong answers cost, on average."""
    return 1.0 / Y.shape[1] * np.nansum(-np.log(A) * Y + -np.log(1 - A) * (1 - Y))


def gradients(parameters, outputs, Y):
    """Return the gradient of the loss for each parameter, by backpropagation."""
    L, m = len(parameters) // 2, Y.shape[1]
    grads = {}
    dZ = 1.0 / m * (outputs[-1] - Y)
    for l in range(L, 0, -1):
        grads["W" + str(l)] = dZ @ outputs[l - 1].T
        grads["b" + str(l)] = dZ.sum(axis=1, keepdims=True)
        if l > 1:
            dZ = (parameters["W" + str(l)].T @ dZ) * slope(outputs[l - 1])
    return grads


def train(parameters):
    """Train from these parameters, print and plot the cost, and return the trained parameters."""
    parameters = {name: np.array(value, dtype=float) for name, value in parameters.items()}
    costs = []
    with np.errstate(all="ignore"):  # from very large weights the cost is inf: you did nothing wrong
        for iteration in range(ITERATIONS):
            outputs = forward(parameters, X_train)
            if iteration % PRINT_EVERY == 0:
                costs.append(loss(outputs[-1], Y_train))
                print(f"Cost after iteration {iteration}: {costs[-1]}")
            for name, gradient in gradients(parameters, outputs, Y_train).items():
                parameters[name] -= LEARNING_RATE * gradient
    plt.plot(np.arange(len(costs)) * PRINT_EVERY, costs)
    plt.axhline(np.log(2), linestyle="--", color="gray")  # the cost of answering 0.5 to every point
    plt.ylim(bottom=0)
    plt.xlabel("iteration")
    plt.ylabel("cost")
    plt.show()
    return parameters


def accuracy(parameters, X, Y):
    """Return the share of points that get the right answer."""
    with np.errstate(all="ignore"):
        return np.mean((forward(parameters, X)[-1] > 0.5) == (Y > 0.5))


def show_boundary(parameters):
    """Colour the plane by the answer of the network, and draw the training points."""
    edge = 1.1 * np.abs(X_train).max()
    line = np.linspace(-edge, edge, 200)
    x, y = np.meshgrid(line, line)
    with np.errstate(all="ignore"):
        answers = forward(parameters, np.array([x.ravel(), y.ravel()]))[-1].reshape(x.shape) > 0.5
    plt.contourf(x, y, answers, levels=[-0.5, 0.5, 1.5], alpha=0.3)
    plt.scatter(X_train[0], X_train[1], c=Y_train[0], s=10)
    plt.gca().set_aspect("equal")
    plt.show()
