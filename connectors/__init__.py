"""Connectors read the departments' systems in place; each department is a folder of declarations."""
