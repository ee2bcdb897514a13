"""Every speed and memory figure of the project, measured on this machine and beside what the machine itself can do."""
