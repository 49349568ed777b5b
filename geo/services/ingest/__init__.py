"""Files of county staff into the store: dry run by default, with a report of everything read and refused."""

from geo.services.ingest.importing import import_files
from geo.services.ingest.request import IMPORT_KINDS, Declared, FileReport, ImportReport, ImportRequest, declared

__all__ = ["IMPORT_KINDS", "Declared", "FileReport", "ImportReport", "ImportRequest", "declared", "import_files"]
