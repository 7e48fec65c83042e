"""The Ask page: any question, in the browser, answered by pipeline.ask (docs/ask.md). Here are routes and words, no arithmetic."""
