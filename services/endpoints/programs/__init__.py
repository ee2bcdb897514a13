"""The programs behind the door: Jupyter and TensorBoard, started in the run as the job's own processes."""
