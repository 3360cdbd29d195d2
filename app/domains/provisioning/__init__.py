"""Machines for customers: launch, placement, deployment, proof that it works, activation, release.

Owns: allocation_events, allocation_placements, allocation_resource_claims, allocations, first_steps_hidden,
  node_deployments, operator_notes, outbox_intents
Emits: provisioning.allocation.activated, provisioning.allocation.canceled, provisioning.allocation.failed,
  provisioning.allocation.placed, provisioning.allocation.release_requested, provisioning.allocation.released,
  provisioning.allocation.requested, provisioning.allocation.step_changed
Consumes: billing.tenant.exhausted
"""
