"""PromQL of people who may see some jobs only: read, confined to these, written anew, and asked of Prometheus."""
