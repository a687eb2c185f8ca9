"""What a reviewer is told to look at in a manifest that was copied from another environment."""

from __future__ import annotations

import pytest

from bot.errors import ManifestError
from bot.manifests import BindingKind, find_bindings

HOST, ACCOUNT, SECRET = BindingKind.HOST, BindingKind.ACCOUNT, BindingKind.SECRET

RELEASE = b"""\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: api
  annotations:
    eks.amazonaws.com/role-arn: arn:aws:iam::111111111111:role/api
spec:
  valuesFrom:
    - {kind: Secret, name: api-values}
    - {kind: ConfigMap, name: api-config}
  values:
    image:
      repository: 111111111111.dkr.ecr.eu-west-2.amazonaws.com/shop/api
      tag: 1.0.0
    imagePullSecrets: [{name: pull-e2e}]
    ingress:
      host: api.e2e.example.com
      tls: [{secretName: api-tls, hosts: [api.e2e.example.com]}]
    env:
      - name: DATABASE_URL
        value: postgres://app@db.e2e.internal:5432/app
      - name: PASSWORD
        valueFrom: {secretKeyRef: {name: api-password, key: password}}
      - name: CONFIG
        value: /etc/app/config.yaml
"""


def test_every_binding_is_told_once_with_its_line() -> None:
    found = [(binding.kind, binding.text, binding.line) for binding in find_bindings("release.yaml", RELEASE, "e2e")]
    assert found == [
        (ACCOUNT, "111111111111", 6),
        (SECRET, "api-values", 9),
        (SECRET, "pull-e2e", 15),
        (HOST, "api.e2e.example.com", 17),
        (SECRET, "api-tls", 18),
        (HOST, "db.e2e.internal", 21),
        (SECRET, "api-password", 23),
    ]


def test_the_pointer_leads_there() -> None:
    binding = find_bindings("release.yaml", RELEASE, "e2e")[3]
    assert binding.pointer == "0:/spec/values/ingress/host"


@pytest.mark.parametrize(
    ("text", "kind", "wanted"),
    [
        ("url: https://shop.example", HOST, "shop.example"),
        ("issuer: https://user@login.example.com:8443/realm", HOST, "login.example.com"),
        ("domain: example.com", HOST, "example.com"),
        ("x: '*.e2e.example.com'", HOST, "*.e2e.example.com"),
        ("x: redis.shop.svc.cluster.local:6379", HOST, "redis.shop.svc.cluster.local"),
        ("args: ['--to=db.e2e.example.com']", HOST, "db.e2e.example.com"),
        ("x: 10.1.2.3", HOST, "10.1.2.3"),
        ("x: 'arn:aws:kms:eu-west-2:222222222222:key/1'", ACCOUNT, "222222222222"),
        ("x: 222222222222", ACCOUNT, "222222222222"),
        (
            "x: /subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/g",
            ACCOUNT,
            "0b1f6471-1bf0-4dda-aec3-cb9272f09590",
        ),
        ("existingSecret: db", SECRET, "db"),
        ("envFrom: [{secretRef: {name: env}}]", SECRET, "env"),
        ("volumes: [{secret: {secretName: certs}}]", SECRET, "certs"),
        ("secret_name: x", SECRET, "x"),
        ("clientSecret: hunter2", SECRET, "clientSecret"),
        ("{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {secret: hunter2}}", SECRET, "secret"),
        ("secrets: [{name: y}]", SECRET, "y"),
    ],
)
def test_what_is_told(text: str, kind: BindingKind, wanted: str) -> None:
    assert [(binding.kind, binding.text) for binding in find_bindings("x.yaml", f"a:\n  {text}\n".encode(), "e2e")] == [
        (kind, wanted)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "path: /etc/app/app.config.yaml",
        "version: 1.2.3",
        "x: 1.2.3.4.5",
        "x: 0.0.0.0",
        "x: com.example.shop.Main",
        "topologyKey: failure-domain.beta.kubernetes.io/zone",
        "apiVersion: monitoring.coreos.com/v1",
        "apiGroup: rbac.authorization.k8s.io",
        "image: registry.example.com/shop/api:1.0",
        "x: values.yaml",
        "x: ${HOST}.${DOMAIN}",
        "x: 1234567890123",
        "createSecret: true",
        "secretKeyRef: {key: password}",
        "x: nothing at all",
    ],
)
def test_what_is_not_told(text: str) -> None:
    assert find_bindings("x.yaml", f"a:\n  {text}\n".encode(), "e2e") == ()


def test_what_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ManifestError):
        find_bindings("x.yaml", b"a: [\n", "e2e")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("namespace: shop-dev", ["namespace"]),
        ("env: dev", ["env"]),
        ("password: dev-1234", ["password"]),
        ("path: ./clusters/dev/web", ["path"]),
        ("name: devices", []),
        ("host: web.dev.example.com", []),
        ("image: registry.example.com/dev/web:1.0", []),
    ],
)
def test_what_names_the_environment_is_told_by_its_key(text: str, found: list[str]) -> None:
    bindings = find_bindings("x.yaml", f"a:\n  {text}\n".encode(), "dev")
    assert [binding.text for binding in bindings if binding.kind is BindingKind.ENVIRONMENT] == found
