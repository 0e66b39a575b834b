"""Segmentation networks in plain torch, with OpenMMLab key names."""
