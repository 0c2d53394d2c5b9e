def circles(points, seed):
    """Return points on two rings, one inside the other: X of shape (2, m) and labels Y of shape (1, m)."""
    rng = np.random.RandomState(seed)
    angles = np.linspace(0, 2 * np.pi, points // 2, endpoint=False)
    ring = np.array([np.cos(angles), np.sin(angles)])
    X, Y = np.hstack([ring, 0.8 * ring]).T, np.repeat([0.0, 1.0], points // 2)
    order = np.arange(points)
    rng.shuffle(order)
    X, Y = X[order], Y[order]
    X = X + rng.normal(scale=0.05, size=X.shape)
    return np.ascontiguousarray(X.T), Y.reshape(1, points)
