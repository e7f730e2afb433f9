"""What other programs read of the site: the sitemap, feeds, robots.txt, a page's own description."""
