from .objectives import get_objective
from .unet import small_unet

__all__ = ["get_objective", "small_unet"]
