"""Find and edit the images that a manifest names. Pure: bytes in, values or bytes out."""

from bot.manifests.applied import Applied, find_applied
from bot.manifests.bindings import Binding, BindingKind, find_bindings
from bot.manifests.differences import Difference, DifferenceKind, find_differences
from bot.manifests.edit import items_above, scalar_at, set_images
from bot.manifests.fields import Edit, FieldRule, Form, ImageEdit, ImageField, Part, ScalarEdit
from bot.manifests.find import find_images
from bot.manifests.formats.kustomize import KUSTOMIZATIONS
from bot.manifests.kustomization import add_resource, kustomization_bases, kustomization_resources
from bot.manifests.pinning import add_images
from bot.manifests.pullsecrets import find_pull_secrets

__all__ = [
    "KUSTOMIZATIONS",
    "Applied",
    "Binding",
    "BindingKind",
    "Difference",
    "DifferenceKind",
    "Edit",
    "FieldRule",
    "Form",
    "ImageEdit",
    "ImageField",
    "Part",
    "ScalarEdit",
    "add_images",
    "add_resource",
    "find_applied",
    "find_bindings",
    "find_differences",
    "find_images",
    "find_pull_secrets",
    "items_above",
    "kustomization_bases",
    "kustomization_resources",
    "scalar_at",
    "set_images",
]
