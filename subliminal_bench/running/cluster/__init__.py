"""Running on a ray cluster. Nothing else in the package needs ray."""
