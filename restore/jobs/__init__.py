"""A folder of pictures as a job: plan it, run it, tell what came of it. No torch here."""
