"""How fast pages load and answer: Core Web Vitals by page and device."""
