"""An instructor's own exercise: written from another, measured, and examined before students get it."""
