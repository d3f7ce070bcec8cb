"""The toy worlds that several lessons live in, a module a world."""
