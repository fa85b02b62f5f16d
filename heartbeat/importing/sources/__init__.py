"""What other schedulers and services say of their jobs: each source is one module behind the shape in `entry.py`."""
