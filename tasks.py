"""Botswain's tasks: `./inv --list` shows them. Names and wiring only; see botswain/cli."""

from invoke.collection import Collection

from botswain.cli import (
    adopting,
    backup,
    completing,
    deploying,
    detecting,
    dev,
    doctor,
    provisioning,
    recorded,
    sandbox,
    service,
    snapshots,
    state,
)

ns = Collection(
    deploying.validate,
    doctor.doctor,
    detecting.detect,
    deploying.diff,
    deploying.drift,
    deploying.apply,
    deploying.deploy,
    deploying.rollback,
    recorded.status,
    recorded.history,
    service.releases,
    service.logs,
    service.shell,
    provisioning.provision,
    snapshots.backups,
    completing.completion,
    adopting.init,
    adopting.import_,
    dev.test,
)
ns.add_collection(
    Collection("backup", backup.run, backup.list_, backup.verify, backup.accept, backup.restore, backup.schedule)
)
ns.add_collection(Collection("audit", recorded.verify_audit))
ns.add_collection(Collection("lock", recorded.break_lock))
ns.add_collection(Collection("manifest", recorded.restore_manifest))
ns.add_collection(Collection("state", state.pull, state.accept, state.restore))
ns.add_collection(Collection("sandbox", sandbox.serve))
ns.add_collection(Collection("service", service.start, service.stop, service.restart, service.service_logs))
ns.add_collection(Collection("dev", dev.bench, dev.lint, dev.lock, dev.schema, dev.picture, dev.roles, service.down))
