"""Gate model releases on multi-turn chat ability with pytest."""

__version__ = "0.1.0"
