"""Apps on machines: manifests, instances, their members and events, and the proxy in front of them.

In Valkey it keeps app_code:* and app_session:*.

Owns: app_instance_events, app_instance_members, app_instances, app_manifests
Emits: appruntime.app.changed, appruntime.app.failed, appruntime.app.member_changed, appruntime.app.released,
  appruntime.app.requested
Consumes: appruntime.app.changed, appruntime.app.member_changed, appruntime.app.released, auth.session.revoked,
  provisioning.allocation.release_requested, provisioning.allocation.released
"""
