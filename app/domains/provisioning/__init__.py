"""Machines for customers: launch, placement, deployment, proof that it works, activation, release.

Owns: allocations, allocation_resource_claims, allocation_placements, allocation_events, node_deployments,
  operator_notes, outbox_intents, first_steps_hidden (schema provisioning)
Emits: provisioning.allocation.requested, .placed, .step_changed, .activated, .release_requested, .released, .failed,
  .canceled
Consumes: billing.tenant.exhausted
"""
