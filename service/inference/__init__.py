"""From the bytes of an image to the bytes of its mask, at the speed of the machine."""

from service.inference.answers import MEDIA_TYPES, MediaType
from service.inference.runtime import Question, Reply, Runtime

__all__ = ["MEDIA_TYPES", "MediaType", "Question", "Reply", "Runtime"]
