"""Apps on machines: manifests, instances, their members and events, and the proxy in front of them.

Owns: app_manifests, app_instances, app_instance_members, app_instance_events (schema appruntime)
Emits: nothing yet
Consumes: provisioning.allocation.release_requested
Called by: nobody yet
"""
