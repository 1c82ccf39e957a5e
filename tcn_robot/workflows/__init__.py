"""What the commands do; a workflow may join any parts of the package."""
