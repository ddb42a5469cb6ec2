"""The pages: the lessons with every explorer alive, in a browser and without a kernel."""
