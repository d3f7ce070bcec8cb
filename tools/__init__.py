"""What builds, measures and checks the course. Lessons never import from here."""
