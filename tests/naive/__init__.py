"""A second, slow and obvious implementation of the surface, against which planned answers are compared. It imports no
module of the gateway and has its own predicates, nulls, order, rules and totals."""
