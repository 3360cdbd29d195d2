"""Every SQL statement of billing. Writers hold the lock of the tenant's credit account; entries are never locked."""
