"""Canvas: its download, its gradebook and its live site."""
