"""The departments' REST and SOAP systems: real HTTP on loopback, in their own process."""
