"""Recognises how GitOps repositories are laid out: which environments, services and registries they have. Pure."""

from bot.layout.hosts import NO_REGISTRY
from bot.layout.looking import look
from bot.layout.recognise import recognise
from bot.layout.tree import Environment, Layout, Seen, Tree

__all__ = ["NO_REGISTRY", "Environment", "Layout", "Seen", "Tree", "look", "recognise"]
