"""Files of a project in S3: namespaces, objects, uploads, links.

Owns: storage_namespaces, storage_objects (schema storage)
Emits: nothing yet
Consumes: nothing yet
Called by: nobody yet
"""
