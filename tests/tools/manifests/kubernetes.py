"""Kubernetes manifests against the strict schemas of one version, and against the Pod Security Standard `restricted`.

A field that the schema does not know is a fault. What Kubernetes itself has no schema of (monitoring.coreos.com) is left to
strict.mjs. Usage: kubernetes.py VERSION FILE…, with kubernetes-validate on PYTHONPATH.
"""

import sys

import kubernetes_validate
import yaml

CUSTOM = "monitoring.coreos.com/"


def pod_specs(document):
    template = document.get("spec", {}).get("template", {})
    return [template["spec"]] if "spec" in template else []


def insecure(pod):
    """What the standard, and our own rules for the gateway's pods, ask for and this pod does not say."""
    outer = pod.get("securityContext", {})
    if pod.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false"
    for container in pod.get("initContainers", []) + pod["containers"]:
        context = {**outer, **container.get("securityContext", {})}
        demands = {
            "runAsNonRoot": context.get("runAsNonRoot") is True,
            "runAsUser": context.get("runAsUser", 0) != 0,
            "seccompProfile": context.get("seccompProfile", {}).get("type") == "RuntimeDefault",
            "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
            "readOnlyRootFilesystem": context.get("readOnlyRootFilesystem") is True,
            "capabilities": context.get("capabilities") == {"drop": ["ALL"]},
            "resources.requests": {"cpu", "memory"} <= set(container.get("resources", {}).get("requests", {})),
            "resources.limits": "memory" in container.get("resources", {}).get("limits", {}),
        }
        yield from (f"container {container['name']}: {demand}" for demand, met in demands.items() if not met)


def faults(document, version):
    if document["apiVersion"].startswith(CUSTOM):
        return
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{'.'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        yield error.message
    for pod in pod_specs(document):
        yield from insecure(pod)


def main(version, files):
    count = failed = 0
    for file in files:
        with open(file, encoding="utf-8") as text:
            documents = list(yaml.safe_load_all(text))
        for document in documents:
            count += 1
            for fault in faults(document, version):
                failed += 1
                print(f"{file}: {document['kind']} {document['metadata']['name']}: {fault}", file=sys.stderr)
    print(f"{count} Kubernetes manifests checked against {version}")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
