"""What registries of images say: a tag is pinned to its digest while a job is submitted."""
