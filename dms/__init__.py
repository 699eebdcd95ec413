"""Driver monitoring: camera frames in, protected CAN alerts out."""

__version__ = "0.1.0"
