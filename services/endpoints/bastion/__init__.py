"""The SSH bastion: a way into running jobs for every SSH client, without an sshd in the job."""
