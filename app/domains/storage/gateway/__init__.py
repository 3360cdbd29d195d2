"""What storage talks to: S3, and the machines to which files are copied."""
