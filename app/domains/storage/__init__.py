"""Files of a project in S3: namespaces, folders, objects, uploads, links, copies to machines.

Owns: storage_namespaces, storage_usage, storage_folders, storage_objects, storage_uploads, storage_upload_parts,
  storage_links, storage_copies, storage_reports (schema storage)
Emits: storage.object.created, .moved, .deleted, .restored, .damaged; storage.namespace.changed; storage.copy.changed
Consumes: nothing from the bus
Called by: nobody; it calls provisioning (where a machine is) and releases (a certificate to log in)
"""
