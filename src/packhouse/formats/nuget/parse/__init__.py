"""A package to facts: the archive, its nuspec and PDBs; and what clients ask of the v2 feed."""

from packhouse.formats.nuget.parse.odata import Filter, Operation, read_filter, read_flag, read_number, read_operation, read_text
from packhouse.formats.nuget.parse.package import Package, Symbol, read_package, read_symbol
from packhouse.formats.nuget.parse.upload import MAX_FILE_SIZE, check_file_name, make_symbol_upload, make_upload, symbol_path

__all__ = [
    "MAX_FILE_SIZE", "Filter", "Operation", "Package", "Symbol", "check_file_name", "make_symbol_upload", "make_upload", "read_filter",
    "read_flag", "read_number", "read_operation", "read_package", "read_symbol", "read_text", "symbol_path",
]  # fmt: skip
