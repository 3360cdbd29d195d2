"""The doors of storage: S3, and the machines that a file is copied to."""
