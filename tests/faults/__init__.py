"""What can go wrong under a build, made to go wrong at a chosen moment."""
