"""Files of a project in S3: namespaces, folders, objects, uploads, links, copies to machines.

Owns: storage_copies, storage_folders, storage_links, storage_namespaces, storage_objects, storage_reports,
  storage_upload_parts, storage_uploads, storage_usage
Emits: storage.copy.changed, storage.namespace.changed, storage.object.created, storage.object.damaged,
  storage.object.deleted, storage.object.moved, storage.object.restored
Consumes: nothing
"""
