"""The objects that our files for Kubernetes make, typed strictly, and what every pod of ours must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from kubernetes import client
from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Knows its fields and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Side(Strict):
    """What the operator (v1beta2) knows of driver and executor, as far as it is used here."""

    cores: int
    coreLimit: str
    memory: str
    memoryOverhead: str
    serviceAccount: str
    javaOptions: str
    template: client.V1PodTemplateSpec


class Executor(Side):
    """One thing more."""

    instances: int


class Restart(Strict):
    """A job that failed is looked at by a person."""

    type: Literal["Never"]


class Spec(Strict):
    """A SparkApplication's own fields, as far as they are used here."""

    type: Literal["Python"]
    mode: Literal["cluster"]
    sparkVersion: str
    image: str
    mainApplicationFile: str
    arguments: list[str]
    restartPolicy: Restart
    timeToLiveSeconds: int
    sparkConf: dict[str, str]
    driver: Side
    executor: Executor


class SparkApplication(Strict):
    """The operator's object."""

    apiVersion: Literal["sparkoperator.k8s.io/v1beta2"]
    kind: Literal["SparkApplication"]
    metadata: client.V1ObjectMeta
    spec: Spec


MODELS: dict[tuple[str, str], type[BaseModel]] = {
    ("v1", "Namespace"): client.V1Namespace,
    ("v1", "PersistentVolumeClaim"): client.V1PersistentVolumeClaim,
    ("v1", "Pod"): client.V1Pod,
    ("v1", "ServiceAccount"): client.V1ServiceAccount,
    ("networking.k8s.io/v1", "NetworkPolicy"): client.V1NetworkPolicy,
    ("rbac.authorization.k8s.io/v1", "Role"): client.V1Role,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): client.V1RoleBinding,
    ("sparkoperator.k8s.io/v1beta2", "SparkApplication"): SparkApplication,
}


def parse(document: Mapping[str, Any]) -> Any:
    """Return the typed object; an unknown kind, an unknown field or a wrong type raises."""
    return MODELS[document["apiVersion"], document["kind"]].model_validate(document, by_alias=True, by_name=False)


def check_pod(pod: client.V1PodSpec, side: str) -> None:
    """Hold a pod against what the namespace demands, and a little more."""
    user = pod.security_context
    assert user.run_as_non_root
    assert user.seccomp_profile.type == "RuntimeDefault"
    assert {user.run_as_user, user.run_as_group, user.fs_group} == {10001}
    (container,) = pod.containers
    assert container.name == f"spark-kubernetes-{side}"
    assert container.security_context.capabilities.drop == ["ALL"]
    assert not container.security_context.capabilities.add
    assert container.security_context.allow_privilege_escalation is False
    assert container.security_context.read_only_root_filesystem
    assert not any([pod.host_network, pod.host_pid, pod.host_ipc, container.security_context.privileged])
    assert pod.automount_service_account_token is (side == "driver")
    assert [source.secret_ref.name for source in container.env_from] == ["jdl-lake"]
    volumes = {volume.name: volume for volume in pod.volumes}
    assert volumes["lake"].persistent_volume_claim.claim_name == "jdl-lake"
    assert volumes["spark-local-dir-1"].empty_dir.size_limit
    assert volumes["secret"].secret.secret_name == "jdl-spark"
    assert volumes["secret"].secret.default_mode == 0o440
    mounts = {mount.name: mount.mount_path for mount in container.volume_mounts}
    assert {"lake": "/lake", "spark-local-dir-1": "/tmp", "secret": "/etc/jdl"}.items() <= mounts.items()
