"""The commands, a file a topic. They parse, call and show; what is heavy is imported when a command runs."""
