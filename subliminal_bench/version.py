"""The version of this package, for whoever needs it without the package's face."""

__version__ = "0.1.0"
