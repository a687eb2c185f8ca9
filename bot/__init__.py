"""promobot promotes container images between GitOps environments."""

__version__ = "0.1.0"
