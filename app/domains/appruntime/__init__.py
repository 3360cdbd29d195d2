"""Apps on machines: manifests, instances, their members and events, and the proxy in front of them.

Owns: app_manifests, app_instances, app_instance_members, app_instance_events (schema appruntime); in Valkey app_code:*,
  app_session:*
Emits: appruntime.app.requested, .changed, .failed, .member_changed, .released
Consumes: auth.session.revoked, provisioning.allocation.release_requested, .released, appruntime.app.changed,
  .member_changed, .released
Called by: nobody
"""
