"""`jobyard up`: the whole platform on one machine, its parts started in order, restarted when they die, and stopped.

A parent without threads or an event loop forks one child per group of services, so that the interpreter and its
libraries are loaded once and a restart is quick. nats-server is a child too; every child ends with the parent. This
is the one package that may import services.
"""
