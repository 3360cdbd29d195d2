"""Why storage refuses a request, in terms that a person can act on."""

from app.shared.errors import Conflict, DomainError, ServiceUnavailable, ValidationFailed


class StorageUnavailable(ServiceUnavailable):
    code = "storage_unavailable"
    title = "The file store is not available right now. Nothing is lost; try again in a moment."


class QuotaExceeded(DomainError):
    code = "storage_quota_exceeded"
    status = 403
    title = "This project has reached its storage quota. Purge deleted files or ask for a larger quota."


class FileTooLarge(ValidationFailed):
    code = "storage_file_too_large"
    title = "This file exceeds the maximum size."
    field = "size"


class PathTaken(Conflict):
    code = "storage_path_taken"
    title = "There is already a file or folder at this path."


class NamespaceTaken(Conflict):
    code = "storage_namespace_taken"
    title = "This project has a namespace of that name already."


class NamespaceNotEmpty(Conflict):
    code = "storage_namespace_not_empty"
    title = "Only an empty namespace can be deleted. Recently deleted files and open uploads count, too."


class UploadIncomplete(Conflict):
    code = "storage_upload_incomplete"
    title = "Not everything of this file has arrived yet. Send the missing parts, then finish it again."


class UploadMismatch(Conflict):
    code = "storage_upload_mismatch"
    title = "What arrived is not what was announced: size or checksum differ. Send the file again."


class TooManyUploads(Conflict):
    code = "storage_too_many_uploads"
    title = "There are as many unfinished uploads as there may be. Finish or cancel some."


class MachineRefused(DomainError):
    """The machine answered and did not take the file; `problem` of the copy says why."""

    code = "storage_machine_refused"
    status = 502
    title = "The machine did not take the file."


class MachineUnreachable(ServiceUnavailable):
    code = "storage_machine_unreachable"
    title = "The machine does not answer right now."


class LinkEnded(DomainError):
    code = "storage_link_ended"
    status = 410
    title = "This link does not work any more."
