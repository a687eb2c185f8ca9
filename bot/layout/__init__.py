"""Recognises how GitOps repositories are laid out: which environments, services and registries they have. Pure."""

from bot.layout.recognise import NO_REGISTRY, recognise
from bot.layout.tree import Environment, Layout, Seen

__all__ = ["NO_REGISTRY", "Environment", "Layout", "Seen", "recognise"]
