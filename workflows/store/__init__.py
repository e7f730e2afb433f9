"""Every read and write of the engine. Functions return core values, never model instances."""
