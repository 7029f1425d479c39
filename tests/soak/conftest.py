"""Ten times as many examples as elsewhere."""

from hypothesis import settings

settings.register_profile("soak", settings(), max_examples=1000)
settings.load_profile("soak")
