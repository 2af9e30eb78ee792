"""The tables, a module for each family; :mod:`fvg_platform.storage.schema` gives all of them together."""
