"""The routes of the HTTP interface, one module per subject; each only translates between HTTP and the parts."""
