"""The operators' console: runs seen, understood and steered in the browser. A project includes its `urls`."""
