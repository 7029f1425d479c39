"""The decorator: functions whose results are cached, under keys made of their names and arguments."""
