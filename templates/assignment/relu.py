def activation(Z):
    """Return what a hidden unit answers: ReLU."""
    return np.maximum(0, Z)


def slope(A):
    """Return the slope of the activation, from what the unit answered."""
    return A > 0
