"""Facial-emotion CNNs from Keras onto a phone."""

__version__ = "0.1.0"
