def activation(Z):
    """Return what a hidden unit answers: tanh."""
    return np.tanh(Z)


def slope(A):
    """Return the slope of the activation, from what the unit answered."""
    return 1 - A**2
