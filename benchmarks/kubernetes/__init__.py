"""How many jobs the backend `kubernetes` bears: a real control plane, and nodes that KWOK plays."""
