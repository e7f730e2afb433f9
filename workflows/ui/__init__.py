"""Parts of the engine's own pages: icons, badges, tables, and the page that asks before it acts."""
