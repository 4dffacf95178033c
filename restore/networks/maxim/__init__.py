"""MAXIM: a network of gated MLPs over the axes of windows and of a grid."""
