"""Planning and Development: a department whose source is the others. Its derived records come with the planner's
cross-department questions; it declares none yet."""
