"""Pictures of workflows: told from the source, laid out, drawn, with runs over them."""
