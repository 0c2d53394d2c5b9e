def flower(points, seed):
    """Return points on the petals of a flower: X of shape (2, m) and labels Y of shape (1, m)."""
    rng, half, petals = np.random.RandomState(seed), points // 2, []
    for petal in range(2):
        t = np.linspace(petal * 3.12, (petal + 1) * 3.12, half) + rng.randn(half) * 0.2
        r = 4 * np.sin(4 * t) + rng.randn(half) * 0.2
        petals.append(np.array([r * np.sin(t), r * np.cos(t)]))
    return np.hstack(petals), np.repeat([0.0, 1.0], half).reshape(1, points)
