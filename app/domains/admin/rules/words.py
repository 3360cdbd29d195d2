"""What was done, in words that a customer understands. An action that is not listed is said with its own words."""

import re

DONE = {
    "allocation.launch": "launched a machine",
    "allocation.cancel": "canceled a launch",
    "allocation.release": "gave a machine back",
    "allocation.force_release": "took a machine back",
    "allocation.rename": "renamed a machine",
    "payment.create": "started a payment for credit",
    "refund.request": "asked for a refund",
    "refund.approve": "approved a refund",
    "refund.reject": "rejected a refund",
    "credit.adjust": "asked for a correction of the credit",
    "credit.adjust_approve": "approved a correction of the credit",
    "credit.adjust_reject": "rejected a correction of the credit",
    "session.revoke": "ended a session",
    "service_account.create": "made a service account",
    "service_account.disable": "disabled a service account",
    "service_account.credential_create": "made a credential of a service account",
    "service_account.credential_revoke": "revoked a credential of a service account",
    "ssh_key.add": "added an SSH key",
    "ssh_key.remove": "removed an SSH key",
    "team.invite": "invited somebody",
    "team.role": "changed a role",
    "team.remove": "removed a member",
    "project.create": "made a project",
    "project.rename": "renamed a project",
    "terminal.open": "opened a terminal",
    "activity.export": "exported the activity",
    "customer.suspend": "suspended the organisation",
    "customer.resume": "lifted the suspension of the organisation",
    "person.suspend": "suspended a person",
    "person.resume": "lifted the suspension of a person",
    "view_as.start": "began to look at the organisation, read-only",
    "view_as.stop": "stopped looking at the organisation",
    "storage.namespace.create": "made a storage namespace",
    "storage.namespace.rename": "renamed a storage namespace",
    "storage.namespace.delete": "deleted a storage namespace",
    "storage.folder.create": "made a folder",
    "storage.folder.move": "moved or renamed a folder",
    "storage.folder.delete": "deleted a folder with its files",
    "storage.folder.restore": "brought a deleted folder back",
    "storage.upload": "began uploads",
    "storage.upload.cancel": "canceled an upload",
    "storage.object.create": "uploaded files",
    "storage.object.move": "moved or renamed a file",
    "storage.object.delete": "deleted a file",
    "storage.object.restore": "brought a deleted file back",
    "storage.object.purge": "deleted a file for good",
    "storage.object.share": "made a link to a file",
    "storage.copy_to_machine": "copied a file to a machine",
    "policy.set": "changed a limit or price rule of the organisation",
}
_VERBS = {
    "create": "made",
    "add": "added",
    "remove": "removed",
    "delete": "deleted",
    "update": "changed",
    "set": "changed",
    "rename": "renamed",
    "revoke": "revoked",
    "launch": "launched",
    "start": "started",
    "stop": "stopped",
    "restart": "restarted",
    "release": "released",
    "share": "shared",
    "invite": "invited",
    "export": "exported",
    "replay": "sent again",
    "attach": "attached",
    "detach": "detached",
    "move": "moved",
    "switch": "switched to",
    "accept": "accepted",
    "disable": "disabled",
    "upload": "uploaded",
}


def done_words(action: str) -> str:
    """`storage.object_delete` is “deleted a storage object” when nothing better is known."""
    if action in DONE:
        return DONE[action]
    words = re.split(r"[._:]", action)
    verb = _VERBS.get(words[-1])
    if verb is None or len(words) < 2:
        return " ".join(words)
    thing = " ".join(words[:-1])
    article = "an" if thing[:1] in "aeiou" else "a"
    return f"{verb} {article} {thing}"
