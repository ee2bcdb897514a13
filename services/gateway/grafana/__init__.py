"""Grafana's dashboards of jobs on this platform's own origin, for whoever is signed in."""
