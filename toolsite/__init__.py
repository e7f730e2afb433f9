"""The site's frame: settings, addresses, health, and the tests of the whole."""
